// One connection over a real loopback socket, with raw bytes on the client's side.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/common/framed.hpp"
#include "tests/unit/http/support.hpp"

namespace hubkeep::test {
namespace {

TEST(Session, KeepsTheConnectionForTheNextRequest) {
    TestServer server(echo);
    auto client = server.connect();
    for (int i = 0; i < 3; ++i) {
        client.send(get("/" + std::to_string(i)));
        const auto answer = read_answer(client);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "GET /" + std::to_string(i) + " ");
        EXPECT_EQ(answer.field("Connection"), "");
        EXPECT_EQ(answer.field("Access-Control-Allow-Origin"), "*");
        EXPECT_EQ(answer.field("X-Request-Id").size(), 16u);
        EXPECT_TRUE(answer.field("Server").starts_with("hubkeep/"));
    }
}

TEST(Session, AnswersPipelinedRequestsInOrder) {
    TestServer server(echo);
    auto client = server.connect();
    std::string requests;
    for (int i = 0; i < 100; ++i) requests += get("/" + std::to_string(i));
    client.send(requests);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(read_answer(client).body, "GET /" + std::to_string(i) + " ");
    }
}

TEST(Session, ARequestMayComeByteByByte) {
    TestServer server(echo);
    auto client = server.connect();
    for (const char c : "\r\n" + get("/slow")) client.send({&c, 1});
    EXPECT_EQ(read_answer(client).body, "GET /slow ");
}

TEST(Session, TakesTheClientsRequestIdWhenItIsHarmless) {
    TestServer server(echo);
    auto client = server.connect();
    client.send(get("/", "X-Request-Id: abc-1.2:3_4\r\n"));
    EXPECT_EQ(read_answer(client).field("X-Request-Id"), "abc-1.2:3_4");
    client.send(get("/", "X-Request-Id: a b\r\n"));
    EXPECT_EQ(read_answer(client).field("X-Request-Id").size(), 16u);
}

TEST(Session, KeepsCredentialsApartFromTheOtherFields) {
    TestServer server([](Exchange& exchange) -> Task<void> {
        std::string text(exchange.authorization().reveal());
        for (const auto& [name, value] : exchange.request().headers) text += " " + name;
        co_await exchange.respond({}, std::move(text));
    });
    auto client = server.connect();
    client.send(get("/",
                    "authorization: Bearer one\r\nAuthorization: Bearer two\r\nCookie: a=b\r\n"
                    "Proxy-Authorization: Basic eDp5\r\nAccept: */*\r\n"));
    EXPECT_EQ(read_answer(client).body, "Bearer one Host Accept");
    client.send(get("/"));
    EXPECT_EQ(read_answer(client).body, " Host");
    client.send(get("/", "Authorization: Bearer \x01\r\n"));
    EXPECT_EQ(read_answer(client).status, 400);
}

TEST(Session, ClosesWhenTheClientAsks) {
    TestServer server(echo);
    auto client = server.connect();
    client.send(get("/", "Connection: close\r\n"));
    EXPECT_EQ(read_answer(client).field("Connection"), "close");
    EXPECT_EQ(client.read_some(), "");
    EXPECT_FALSE(client.was_reset);
}

TEST(Session, Http10ClosesUnlessAskedToStay) {
    TestServer server(echo);
    auto once = server.connect();
    once.send("GET /x HTTP/1.0\r\n\r\n");
    EXPECT_NE(once.read_all().find("Connection: close\r\n"), std::string::npos);
    auto twice = server.connect();
    for (int i = 0; i < 2; ++i) {
        twice.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        EXPECT_EQ(read_answer(twice).field("Connection"), "keep-alive");
    }
}

Task<void> two_pieces(Exchange& exchange) {
    co_await exchange.send_head({.status = 200, .headers = {}});
    co_await exchange.send(std::string_view("hello "));
    co_await exchange.send(std::string_view());
    co_await exchange.send(std::string_view("world"));
}

TEST(Session, ABodyOfUnknownLengthIsChunked) {
    TestServer server(two_pieces);
    auto client = server.connect();
    client.send(get("/"));
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.field("Transfer-Encoding"), "chunked");
    const std::string body = "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n";
    EXPECT_EQ(client.read_exactly(body.size()), body);
    client.send(get("/", "Connection: close\r\n"));
    EXPECT_TRUE(client.read_all().ends_with("\r\n\r\n" + body));
}

TEST(Session, ABodyOfUnknownLengthEndsTheConnectionInHttp10) {
    TestServer server(two_pieces);
    auto client = server.connect();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto text = client.read_all();
    EXPECT_TRUE(text.ends_with("\r\n\r\nhello world")) << text;
    EXPECT_EQ(text.find("chunked"), std::string::npos);
}

Task<void> sized(Exchange& exchange) {
    ResponseHead head{.status = 200, .headers = {}};
    head.headers.add("Content-Length", "5");
    co_await exchange.send_head(std::move(head));
    co_await exchange.send(std::string_view("hello"));
}

TEST(Session, HeadHasTheFieldsButNotTheBody) {
    for (const Handle& handle : {Handle(sized), Handle(echo), Handle(two_pieces)}) {
        TestServer server(handle);
        auto client = server.connect();
        client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + get("/", "Connection: close\r\n"));
        const auto answer = read_answer(client, true);
        EXPECT_EQ(answer.status, 200);
        // The next answer follows at once: no byte of a body came between.
        EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

Task<void> head_of_large(Exchange& exchange) {
    ResponseHead head{.status = 200, .headers = {}};
    head.headers.add("Content-Length", "123456789012");
    co_await exchange.respond(std::move(head), "");
}

TEST(Session, AnAnswerToHeadKeepsItsContentLength) {
    TestServer server(head_of_large);
    auto client = server.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(read_answer(client, true).field("Content-Length"), "123456789012");
}

TEST(Session, ReadsBodiesOfRequests) {
    TestServer server(echo);
    auto client = server.connect();
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(read_answer(client).body, "POST /a hello");
    client.send(
        "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nContent-Length: 99\r\n\r\n");
    EXPECT_EQ(read_answer(client).body, "POST /b abcde");
    client.send(get("/c"));
    EXPECT_EQ(read_answer(client).body, "GET /c ");
}

TEST(Session, TheLastChunkMayComeByteByByte) {
    TestServer server(echo);
    auto client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    for (const std::string_view piece : {"0", "\r", "\n", "\r", "\n"}) client.send(piece);
    EXPECT_EQ(read_answer(client).body, "POST / abc");
}

TEST(Session, TellsTheClientToGoOn) {
    TestServer server(echo);
    auto client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    EXPECT_EQ(read_answer(client).body, "POST / hello");
}

Task<void> refuse(Exchange& exchange) {
    co_await exchange.respond({.status = 403, .headers = {}}, "no");
}

TEST(Session, ASmallBodyThatNobodyReadIsDropped) {
    TestServer server(refuse);
    auto client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + get("/"));
    EXPECT_EQ(read_answer(client).status, 403);
    EXPECT_EQ(read_answer(client).status, 403);
}

TEST(Session, ALargeBodyThatNobodyReadEndsTheConnectionAfterTheAnswer) {
    TestServer server(refuse);
    const std::string body(1000000, 'x');
    for (const std::string fields :
         {"Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n"}) {
        auto client = server.connect();
        client.send("POST / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
        client.send(body);
        const auto answer = read_answer(client);
        EXPECT_EQ(answer.status, 403);
        EXPECT_EQ(answer.field("Connection"), "close");
        EXPECT_EQ(client.read_some(), "");
        EXPECT_FALSE(client.was_reset);
    }
}

TEST(Session, AnUnansweredExpectationEndsTheConnection) {
    TestServer server(refuse);
    auto client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.field("Connection"), "close");
}

TEST(Session, ABodyOverTheLimitIsNotRead) {
    TestServer server(echo);
    auto client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n");
    EXPECT_EQ(read_answer(client).status, 413);
    auto chunked = server.connect();
    chunked.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n");
    chunked.send(std::string(1048577, 'x'));
    EXPECT_EQ(read_answer(chunked).status, 413);
}

Task<void> fall_short(Exchange& exchange) {
    ResponseHead head{.status = 200, .headers = {}};
    head.headers.add("Content-Length", "50");
    co_await exchange.send_head(std::move(head));
    co_await exchange.send(std::string_view("hello"));
}

Task<void> give_up(Exchange& exchange) {
    co_await exchange.send_head({.status = 200, .headers = {}});
    co_await exchange.send(std::string_view("hello"));
    exchange.abort();
}

Task<void> blow_up(Exchange& exchange) {
    co_await exchange.send_head({.status = 200, .headers = {}});
    throw std::runtime_error("a bug");
}

TEST(Session, ABodyThatFallsShortIsCutWithAReset) {
    for (const auto handle : {fall_short, give_up, blow_up}) {
        TestServer server(handle);
        auto client = server.connect();
        client.send(get("/"));
        client.read_all();
        EXPECT_TRUE(client.was_reset);
    }
}

Task<void> too_long(Exchange& exchange) {
    ResponseHead head{.status = 200, .headers = {}};
    head.headers.add("Content-Length", "3");
    co_await exchange.send_head(std::move(head));
    const auto sent = co_await exchange.send(std::string_view("hello"));
    EXPECT_FALSE(sent);
}

TEST(Session, ABodyCannotOutgrowItsLength) {
    TestServer server(too_long);
    auto client = server.connect();
    client.send(get("/"));
    EXPECT_EQ(client.read_all().find("hel"), std::string::npos);
    EXPECT_TRUE(client.was_reset);
}

Task<void> silent(Exchange&) {
    co_return;
}

Task<void> throwing(Exchange&) {
    throw std::runtime_error("a bug");
    co_return;
}

TEST(Session, AHandlerThatGivesNoAnswerIsAnsweredFor) {
    for (const auto handle : {silent, throwing}) {
        TestServer server(handle);
        auto client = server.connect();
        client.send(get("/"));
        EXPECT_EQ(read_answer(client).status, 500);
    }
}

TEST(Session, SendsFiles) {
    TempFolder folder;
    const auto content = pattern(8 * 1024 * 1024);
    const auto path = folder.write("file", content);
    const auto file = File::open_read(path);
    TestServer server([&](Exchange& exchange) -> Task<void> {
        ResponseHead head{.status = 200, .headers = {}};
        if (exchange.request().target != "/chunked") {
            head.headers.add("Content-Length", std::to_string(content.size()));
        }
        co_await exchange.send_head(std::move(head));
        const auto sent = co_await exchange.send_file(*file, {0, content.size()});
        EXPECT_TRUE(sent);
    });
    auto client = server.connect();
    client.send(get("/sized") + "HEAD /sized HTTP/1.1\r\nHost: h\r\n\r\n" + get("/chunked"));
    EXPECT_TRUE(read_answer(client).body == content);
    EXPECT_EQ(read_answer(client, true).field("Content-Length"), std::to_string(content.size()));
    EXPECT_EQ(read_answer(client).field("Transfer-Encoding"), "chunked");
    EXPECT_EQ(client.read_until("\r\n"), "800000\r\n");
    EXPECT_TRUE(client.read_exactly(content.size()) == content);
    EXPECT_EQ(client.read_exactly(7), "\r\n0\r\n\r\n");
}

TEST(Session, SendsFramesOfAFile) {
    TempFolder folder;
    const auto content = pattern(8 * 1024 * 1024);
    const auto file = File::open_read(folder.write("file", content));
    const Frames frames{{0, content.size()}, 131'072, 8, write_size};
    const ByteRange physical{5, frames.physical_size() - 5};
    const auto body = framed(content, frames).substr(5, physical.size());
    TestServer server([&](Exchange& exchange) -> Task<void> {
        const auto& target = exchange.request().target;
        const auto length = body.size() - (target == "/short" ? 1 : 0);
        ResponseHead head{.status = 206, .headers = {}};
        if (target != "/chunked") head.headers.add("Content-Length", std::to_string(length));
        co_await exchange.send_head(std::move(head));
        const auto sent = co_await exchange.send_frames(*file, frames, physical);
        EXPECT_EQ(sent.has_value(), target != "/short");
    });
    auto client = server.connect();
    client.send(get("/sized") + "HEAD /sized HTTP/1.1\r\nHost: h\r\n\r\n" + get("/chunked"));
    EXPECT_TRUE(read_answer(client).body == body);
    EXPECT_EQ(read_answer(client, true).field("Content-Length"), std::to_string(body.size()));
    EXPECT_EQ(read_answer(client).field("Transfer-Encoding"), "chunked");
    EXPECT_EQ(client.read_until("\r\n"), fmt::format("{:x}\r\n", body.size()));
    EXPECT_TRUE(client.read_exactly(body.size()) == body);
    EXPECT_EQ(client.read_exactly(7), "\r\n0\r\n\r\n");
    client.send(get("/short"));
    client.read_all();
    EXPECT_TRUE(client.was_reset);
}

TEST(Session, AFileThatIsTooShortCutsTheConnection) {
    TempFolder folder;
    const auto file = File::open_read(folder.write("file", "only this"));
    TestServer server([&](Exchange& exchange) -> Task<void> {
        ResponseHead head{.status = 200, .headers = {}};
        head.headers.add("Content-Length", "100");
        co_await exchange.send_head(std::move(head));
        const auto sent = co_await exchange.send_file(*file, {0, 100});
        EXPECT_EQ(sent.error().kind, ErrorKind::corrupt);
    });
    auto client = server.connect();
    client.send(get("/"));
    client.read_all();
    EXPECT_TRUE(client.was_reset);
}

}  // namespace
}  // namespace hubkeep::test
