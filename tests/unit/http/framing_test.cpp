// The table of what must not get past framing: each text goes through the parser and the check, as
// in a session, so it does not matter which of the two refuses.

#include "server/http/framing.hpp"

#include <gtest/gtest.h>

#include <random>

#include "server/http/head.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_fields = 100;

Result<Framing> check(std::string& text) {
    const auto size = HeadScanner().scan(text);
    if (!size) return std::unexpected(size.error());
    if (*size == 0) return fail(ErrorKind::protocol, "incomplete", 400);
    text.resize(*size);  // what follows is no part of the head
    const auto head = parse_request(text, max_fields);
    if (!head) return std::unexpected(head.error());
    return check_request(*head, text, max_fields);
}

Result<Framing> check(std::string&& text) {
    return check(text);
}

// A request with these lines between the request line and the end.
Result<Framing> check_fields(const std::string& method, const std::string& fields) {
    return check(method + " / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
}

int status_of(const Result<Framing>& result) {
    return result ? 200 : result.error().code;
}

TEST(RequestFraming, AcceptsWhatClientsSend) {
    const auto plain = check("GET /a/b%20c?x=[1]&y=|z HTTP/1.1\r\nHost: Hub.local:8090\r\n\r\n");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->body, Framing::Body::none);
    EXPECT_TRUE(plain->keep_alive);
    EXPECT_TRUE(check("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"));
    EXPECT_TRUE(check("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(check("GET /\xc3\xbc HTTP/1.1\r\nHost: h\r\nX: \xc3\xbc\r\n\r\n"));
    EXPECT_TRUE(check_fields("GET", "Content-Length: 0\r\n"));

    const auto post = check_fields("POST", "Content-Length: 12\r\n");
    ASSERT_TRUE(post);
    EXPECT_EQ(post->body, Framing::Body::length);
    EXPECT_EQ(post->length, 12u);
    const auto chunked = check_fields("POST", "Transfer-Encoding: Chunked\r\n");
    ASSERT_TRUE(chunked);
    EXPECT_EQ(chunked->body, Framing::Body::chunked);
}

TEST(RequestFraming, KeepsOrClosesTheConnection) {
    EXPECT_FALSE(check_fields("GET", "Connection: close\r\n")->keep_alive);
    EXPECT_FALSE(
        check_fields("GET", "Connection: keep-alive\r\nConnection: x, Close\r\n")->keep_alive);
    EXPECT_FALSE(check("GET / HTTP/1.0\r\n\r\n")->keep_alive);
    EXPECT_TRUE(check("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")->keep_alive);
}

TEST(RequestFraming, RefusesAmbiguousBodies) {
    for (const std::string fields : {
             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
             "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n",
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: ,chunked\r\n",
             "Transfer-Encoding: chunked,\r\n",
             "Transfer-Encoding: chunked;q=1\r\n",
             "Transfer-Encoding: \"chunked\"\r\n",
             "Transfer-Encoding: chunked, gzip\r\n",
             "Transfer-Encoding: gzip, chunked\r\n",
             "Transfer-Encoding:\r\n",
             "Transfer-Encoding: chunked\x0b\r\n",
             "Transfer-Encoding : chunked\r\n",
             "Transfer-Encoding\t: chunked\r\n",
             "Transfer-Encoding:\r\n chunked\r\n",
             "X: y\r\n Transfer-Encoding: chunked\r\n",
             "Transfer_Encoding: chunked\r\n",
             "Transfer-Encoding-: chunked\r\n",
             "TransferEncoding: chunked\r\n",
             "Content_Length: 5\r\n",
             "Content-Length: 5\r\nContent-Length: 5\r\n",
             "Content-Length: 5\r\nContent-Length: 6\r\n",
             "Content-Length: 5, 5\r\n",
             "Content-Length: +5\r\n",
             "Content-Length: -5\r\n",
             "Content-Length: 0x5\r\n",
             "Content-Length: 5 5\r\n",
             "Content-Length: 5.0\r\n",
             "Content-Length:\r\n",
             "Content-Length: 9223372036854775808\r\n",
             "Content-Length: 18446744073709551616\r\n",
             "Connection: Content-Length\r\nContent-Length: 5\r\n",
             "Connection: close, transfer-encoding\r\n",
             "Connection: Host\r\n",
         }) {
        EXPECT_EQ(status_of(check_fields("POST", fields)), 400) << fields;
    }
}

TEST(RequestFraming, AnUnknownCodingIsNotImplemented) {
    for (const std::string coding : {"gzip", "identity", "xchunked", "chunkedx"}) {
        EXPECT_EQ(status_of(check_fields("POST", "Transfer-Encoding: " + coding + "\r\n")), 501);
    }
}

TEST(RequestFraming, ChunkedNeedsHttp11) {
    EXPECT_EQ(status_of(check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")), 400);
}

TEST(RequestFraming, GetAndHeadHaveNoBody) {
    for (const std::string method : {"GET", "HEAD"}) {
        EXPECT_EQ(status_of(check_fields(method, "Content-Length: 5\r\n")), 400);
        EXPECT_EQ(status_of(check_fields(method, "Transfer-Encoding: chunked\r\n")), 400);
    }
}

TEST(RequestFraming, NeedsOneHost) {
    EXPECT_EQ(status_of(check("GET / HTTP/1.1\r\n\r\n")), 400);
    EXPECT_EQ(status_of(check("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")), 400);
    EXPECT_EQ(status_of(check("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")), 400);
    for (const std::string host : {"", "a b", "a/b", "a?b", "a@b", "a#b", "a,b", "a:x", "a:99999",
                                   "[::1", "[g]", "a:80:80", "http://a"}) {
        EXPECT_EQ(status_of(check("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")), 400) << host;
    }
}

TEST(RequestFraming, TheTargetIsAPath) {
    for (const std::string target : {"http://evil/x", "*", "evil:443", "a/b", "/a#b", "/a\\b",
                                     "/a\x01", "/a\x7f", "/a\tb", "/a b"}) {
        EXPECT_EQ(status_of(check("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")), 400)
            << target;
    }
    EXPECT_EQ(status_of(check("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n")), 400);
    const std::string longest(8191, 'x');
    EXPECT_EQ(status_of(check("GET /" + longest + " HTTP/1.1\r\nHost: h\r\n\r\n")), 200);
    EXPECT_EQ(status_of(check("GET /x" + longest + " HTTP/1.1\r\nHost: h\r\n\r\n")), 414);
}

TEST(RequestFraming, RefusesWhatIsNotHttp1) {
    EXPECT_EQ(status_of(check("GET / HTTP/2.0\r\nHost: h\r\n\r\n")), 505);
    EXPECT_EQ(status_of(check("PRI * HTTP/2.0\r\n\r\n")), 505);
    EXPECT_NE(status_of(check("GET / HTTP/1.2\r\nHost: h\r\n\r\n")), 200);
    EXPECT_NE(status_of(check("GET /\r\n\r\n")), 200);
    EXPECT_NE(status_of(check("GET / http/1.1\r\nHost: h\r\n\r\n")), 200);
    EXPECT_NE(status_of(check("G@T / HTTP/1.1\r\nHost: h\r\n\r\n")), 200);
    EXPECT_NE(status_of(check(" GET / HTTP/1.1\r\nHost: h\r\n\r\n")), 200);
}

TEST(RequestFraming, RefusesControlBytesAndFolding) {
    EXPECT_EQ(status_of(check_fields("GET", "X: a\r\n b\r\n")), 400);
    EXPECT_EQ(status_of(check_fields("GET", "X: a\r\n\tb\r\n")), 400);
    EXPECT_EQ(status_of(check_fields("GET", "X: a\rb\r\n")), 400);
    EXPECT_EQ(status_of(check_fields("GET", std::string("X: a\0b\r\n", 8))), 400);
    EXPECT_EQ(status_of(check_fields("GET", "X: a\x01\r\n")), 400);
    EXPECT_EQ(status_of(check_fields("GET", "X\x01: a\r\n")), 400);
    EXPECT_EQ(status_of(check_fields("GET", ": a\r\n")), 400);
    EXPECT_EQ(status_of(check_fields("GET", "no colon\r\n")), 400);
}

TEST(RequestFraming, CountsFields) {
    std::string fields;
    for (int i = 0; i < 99; ++i) fields += "A: b\r\n";
    EXPECT_TRUE(check_fields("GET", fields));
    EXPECT_EQ(status_of(check_fields("GET", fields + "A: b\r\n")), 431);
}

// Whatever a mutation does: what is accepted has one framing by an independent look at its text.
TEST(RequestFraming, MutationsAreRefusedOrUnambiguous) {
    const std::string seed =
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
        "Connection: close\r\n\r\n";
    constexpr std::string_view bytes = "\r\n\t ,:;_-\0\x01\x7f\x85\xa0 0a/[";
    std::mt19937 random(1);
    const auto below = [&](std::size_t n) { return random() % n; };
    int accepted = 0;
    for (int i = 0; i < 20000; ++i) {
        std::string text = seed;
        for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
            const auto at = below(text.size());
            switch (below(3)) {
                case 0:
                    text[at] = bytes[below(bytes.size())];
                    break;
                case 1:
                    text.insert(at, 1, bytes[below(bytes.size())]);
                    break;
                default:
                    text.erase(at, 1 + below(30));
                    break;
            }
        }
        const auto framing = check(text);
        if (!framing) continue;
        ++accepted;
        std::string lower = text;
        for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const bool length = lower.find("\ncontent-length:") != lower.npos;
        const bool coding = lower.find("\ntransfer-encoding:") != lower.npos;
        EXPECT_FALSE(length && coding) << text;
        EXPECT_EQ(framing->body == Framing::Body::length, length && framing->length > 0) << text;
        EXPECT_EQ(framing->body == Framing::Body::chunked, coding) << text;
    }
    EXPECT_GT(accepted, 100);
}

Result<Framing> check_answer(const std::string& fields,
                             const std::string& first = "HTTP/1.1 200 OK",
                             std::string_view method = "GET") {
    const std::string text = first + "\r\n" + fields + "\r\n";
    const auto parsed = parse_response(text);
    if (!parsed) return std::unexpected(parsed.error());
    return check_response(parsed->head, parsed->minor_version, text, method, max_fields);
}

TEST(ResponseFraming, ReadsWhatServersSend) {
    const auto length = check_answer("Content-Length: 5\r\n");
    ASSERT_TRUE(length);
    EXPECT_EQ(length->body, Framing::Body::length);
    EXPECT_EQ(length->length, 5u);
    EXPECT_TRUE(length->keep_alive);
    EXPECT_EQ(check_answer("Content-Length: 0\r\n")->body, Framing::Body::none);
    EXPECT_EQ(check_answer("Transfer-Encoding: chunked\r\n")->body, Framing::Body::chunked);
    const auto rest = check_answer("");
    EXPECT_EQ(rest->body, Framing::Body::until_close);
    EXPECT_FALSE(rest->keep_alive);
    EXPECT_FALSE(check_answer("Content-Length: 5\r\n", "HTTP/1.0 200 OK")->keep_alive);
    EXPECT_FALSE(check_answer("Content-Length: 5\r\nConnection: close\r\n")->keep_alive);
}

TEST(ResponseFraming, SomeAnswersHaveNoBody) {
    const std::string length = "Content-Length: 5\r\n";
    EXPECT_EQ(check_answer(length, "HTTP/1.1 200 OK", "HEAD")->body, Framing::Body::none);
    EXPECT_EQ(check_answer("Transfer-Encoding: chunked\r\n", "HTTP/1.1 200 OK", "HEAD")->body,
              Framing::Body::none);
    for (const std::string line : {"HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified",
                                   "HTTP/1.1 100 Continue", "HTTP/1.1 103 Early Hints"}) {
        const auto framing = check_answer("", line);
        ASSERT_TRUE(framing) << line;
        EXPECT_EQ(framing->body, Framing::Body::none) << line;
        EXPECT_TRUE(framing->keep_alive) << line;
    }
}

TEST(ResponseFraming, RefusesAmbiguity) {
    for (const std::string fields : {
             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
             "Content-Length: 5\r\nContent-Length: 5\r\n",
             "Content-Length: 5, 5\r\n",
             "Content-Length: -1\r\n",
             "Content-Length: 99999999999999999999\r\n",
             "Transfer-Encoding: gzip\r\n",
             "Transfer-Encoding: gzip, chunked\r\n",
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
             "Location: /a\r\n /b\r\n",
             "Location: /a\rSet-Cookie: x\r\n",
         }) {
        EXPECT_FALSE(check_answer(fields)) << fields;
    }
    EXPECT_FALSE(check_answer("Transfer-Encoding: chunked\r\n", "HTTP/1.0 200 OK"));
    for (const std::string line : {"HTTP/1.1 101 Switching Protocols", "HTTP/1.1 099 Odd",
                                   "HTTP/1.1 999 Odd", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK",
                                   "HTTP/2.0 200 OK", "ICY 200 OK", "HTTP/1.1 abc OK"}) {
        EXPECT_FALSE(check_answer("Content-Length: 0\r\n", line)) << line;
    }
}

}  // namespace
}  // namespace hubkeep
