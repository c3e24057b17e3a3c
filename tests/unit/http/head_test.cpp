#include "server/http/head.hpp"

#include <gtest/gtest.h>

#include "server/http/answer.hpp"

namespace hubkeep {
namespace {

TEST(HeadScanner, FindsTheEmptyLineByteByByte) {
    const std::string text = "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET";
    HeadScanner scanner;
    for (std::size_t size = 0; size < text.size() - 3; ++size) {
        const auto found = scanner.scan(std::string_view(text).substr(0, size));
        ASSERT_TRUE(found);
        EXPECT_EQ(*found, 0u) << size;
    }
    EXPECT_EQ(*scanner.scan(text), text.size() - 3);
    EXPECT_EQ(*HeadScanner().scan(text), text.size() - 3);
}

TEST(HeadScanner, RefusesBareLineFeeds) {
    EXPECT_FALSE(HeadScanner().scan("GET / HTTP/1.1\nHost: h\n\n"));
    EXPECT_FALSE(HeadScanner().scan("\n"));
    EXPECT_FALSE(HeadScanner().scan("GET / HTTP/1.1\r\nHost: h\r\n\n"));
}

TEST(InputBuffer, GrowsToItsLimitAndNoFurther) {
    InputBuffer input(10000);
    std::string all;
    while (!input.full()) {
        const auto space = input.space();
        ASSERT_FALSE(space.empty());
        space[0] = static_cast<char>('a' + all.size() % 26);
        all += space[0];
        input.produced(1);
    }
    EXPECT_EQ(all.size(), 10000u);
    EXPECT_EQ(input.text(), all);
    input.consume(9000);
    EXPECT_EQ(input.space().size(), 9000u);
    EXPECT_EQ(input.text(), all.substr(9000));
    input.consume(1000);
    EXPECT_TRUE(input.empty());
}

TEST(InputBuffer, IsUsedAgainAfterItsMemoryWasGivenBack) {
    InputBuffer input(100);
    input.space()[0] = 'a';
    input.produced(1);
    input.consume(1);
    input.release();
    EXPECT_TRUE(input.empty());
    EXPECT_EQ(input.space().size(), 100u);
    input.space()[0] = 'b';
    input.produced(1);
    EXPECT_EQ(input.text(), "b");
}

TEST(InputBuffer, WipesWhatWasUsed) {
    constexpr std::size_t limit = 64;
    const auto zeros = [](std::size_t count) { return std::string(count, '\0'); };
    InputBuffer input(limit);
    const auto space = input.space();
    ASSERT_EQ(space.size(), limit);
    std::ranges::fill(space, 's');
    input.produced(limit);
    const std::string_view memory(space.data(), limit);
    input.consume(20);
    EXPECT_EQ(memory.substr(0, 20), zeros(20));
    // The rest is moved to the front, and nothing stays where it was.
    EXPECT_EQ(input.space().data(), memory.data() + 44);
    EXPECT_EQ(input.text(), std::string(44, 's'));
    EXPECT_EQ(memory.substr(44), zeros(20));
    input.consume(44);
    EXPECT_EQ(memory, zeros(limit));
}

TEST(ParseRequest, TakesItApart) {
    const auto head = parse_request(
        "POST /a/b?c=d HTTP/1.0\r\nHost:  h \r\nX-Empty:\r\nA: 1\r\na: 2\r\n\r\n", 100);
    ASSERT_TRUE(head) << head.error().message;
    EXPECT_EQ(head->method, "POST");
    EXPECT_EQ(head->target, "/a/b?c=d");
    EXPECT_EQ(head->path(), "/a/b");
    EXPECT_EQ(head->query(), "c=d");
    EXPECT_EQ(head->minor_version, 0);
    EXPECT_EQ(head->headers.get("host"), "h");
    EXPECT_TRUE(head->headers.has("x-empty"));
    EXPECT_EQ(head->headers.count("A"), 2u);
}

TEST(ParseRequest, WhatIsNoHeadIsRefused) {
    const auto code_of = [](std::string_view text) {
        const auto head = parse_request(text, 100);
        return head ? 0 : head.error().code;
    };
    EXPECT_EQ(code_of("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
    EXPECT_EQ(code_of("GET / HTTP/1.1\r\n\r\n"), 0);
    for (const std::string_view text :
         {"", "\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET  HTTP/1.1\r\n\r\n",
          "GET / HTTP/1.1 \r\n\r\n", "GET / / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n",
          "GET / HTTP/1.1\r\nHost\r\n\r\n", "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
          "GET / HTTP/1.1\r\nX: a\nb\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n",
          "GET /\r / HTTP/1.1\r\n\r\n"}) {
        EXPECT_EQ(code_of(text), 400) << text;
    }
    using namespace std::string_view_literals;
    EXPECT_EQ(code_of("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"sv), 400);
    for (const std::string_view version : {"HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.10", ""}) {
        EXPECT_EQ(code_of("GET / " + std::string(version) + "\r\n\r\n"), 505) << version;
    }
}

TEST(ParseRequest, MoreFieldsThanAllowedAreNotCopied) {
    std::string text = "GET / HTTP/1.1\r\n";
    for (int n = 0; n < 101; ++n) text += "a:\r\n";
    const auto head = parse_request(text + "\r\n", 100);
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().code, 431);
    EXPECT_TRUE(parse_request(text + "\r\n", 101));
}

TEST(ParseResponse, TakesItApart) {
    const auto parsed =
        parse_response("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 99\r\n\r\n");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->head.status, 302);
    EXPECT_EQ(parsed->minor_version, 1);
    EXPECT_EQ(parsed->head.headers.get("location"), "/x");
    EXPECT_TRUE(parse_response("HTTP/1.1 200 \r\n\r\n"));
    // A body of more than the library's own limit of 8 MiB is none of its business.
    EXPECT_TRUE(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"));
}

std::string head_text(const ResponseHead& head, const RequestHead& request) {
    std::string text;
    append_head(text, head, frame_answer(head, request),
                {.date = "now", .request_id = "id", .connection = "close"});
    return text;
}

TEST(Answer, CarriesTheCommonFieldsOnce) {
    ResponseHead head{.status = 200, .headers = {}};
    head.headers.add("Content-Length", "3");
    head.headers.add("Server", "another");
    head.headers.add("Connection", "keep-alive");
    head.headers.add("Transfer-Encoding", "chunked");
    EXPECT_EQ(head_text(head, {.method = "GET"}),
              "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nDate: now\r\n"
              "Server: hubkeep/" HUBKEEP_VERSION
              "\r\nX-Request-Id: id\r\n"
              "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: X-Repo-Commit,"
              "X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,"
              "Content-Range,Content-Length,X-Linked-Size,X-Linked-ETag,X-Xet-Hash,X-HF-Warning\r\n"
              "Connection: close\r\n\r\n");
}

TEST(Answer, BeginsWithWhatWasComposedBefore) {
    ResponseHead head{.status = 200, .headers = {}, .composed = "ETag: \"x\"\r\nA: 1\r\n"};
    head.headers.add("Content-Length", "3");
    const auto text = head_text(head, {.method = "GET"});
    EXPECT_TRUE(text.starts_with(
        "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nA: 1\r\nContent-Length: 3\r\nDate: now\r\n"))
        << text;
}

TEST(Answer, IsFramedAsItsRequestNeeds) {
    using Kind = AnswerBody::Kind;
    ResponseHead sized{.status = 206, .headers = {}};
    sized.headers.add("Content-Length", "7");
    const ResponseHead open{.status = 200, .headers = {}};
    EXPECT_EQ(frame_answer(sized, {.method = "GET"}).kind, Kind::length);
    EXPECT_EQ(frame_answer(sized, {.method = "GET"}).length, 7u);
    EXPECT_EQ(frame_answer(sized, {.method = "HEAD"}).kind, Kind::none);
    EXPECT_EQ(frame_answer(open, {.method = "GET"}).kind, Kind::chunked);
    EXPECT_EQ(frame_answer(open, {.method = "GET", .minor_version = 0}).kind, Kind::until_close);
    EXPECT_EQ(frame_answer({.status = 304, .headers = {}}, {.method = "GET"}).kind, Kind::none);
    EXPECT_EQ(frame_answer({.status = 204, .headers = {}}, {.method = "GET"}).kind, Kind::none);
    EXPECT_NE(head_text(sized, {.method = "HEAD"}).find("Content-Length: 7"), std::string::npos);
    EXPECT_NE(head_text(open, {.method = "GET"}).find("Transfer-Encoding: chunked"),
              std::string::npos);
}

TEST(Answer, TheDateHasTheFormOfTheStandard) {
    DateText date;
    const std::string text(date.now());
    EXPECT_EQ(text.size(), std::string("Sun, 06 Nov 1994 08:49:37 GMT").size()) << text;
    std::tm parsed{};
    ASSERT_NE(::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parsed), nullptr) << text;
    EXPECT_LE(std::abs(std::difftime(::timegm(&parsed), std::time(nullptr))), 2);
}

TEST(Message, KnowsTheNamesOfStatusCodes) {
    EXPECT_EQ(reason_of(100), "Continue");
    EXPECT_EQ(reason_of(206), "Partial Content");
    EXPECT_EQ(reason_of(530), "Origin Unreachable");
    EXPECT_EQ(reason_of(299), "Status");
    EXPECT_EQ(reason_of(599), "Status");
}

TEST(Message, IsWrittenAsText) {
    RequestHead head{.method = "GET", .target = "/x"};
    head.headers.add("Host", "h");
    EXPECT_EQ(to_text(head, Secret()), "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(to_text(head, Secret("hf_x")),
              "GET /x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer hf_x\r\n\r\n");
    EXPECT_EQ(to_text(ResponseHead{.status = 404, .headers = {}}),
              "HTTP/1.1 404 Not Found\r\n\r\n");
}

}  // namespace
}  // namespace hubkeep
