// The client against servers that play a script byte by byte.

#include "server/http/client.hpp"

#include <gtest/gtest.h>

#include "tests/unit/http/support.hpp"

namespace hubkeep::test {
namespace {

struct Answer {
    int status = 0;
    std::string body;
    std::optional<std::uint64_t> length;
    bool ends_with_connection = false;
    Headers headers;
};

Task<Result<Answer>> ask(Client& client, ClientRequest request) {
    auto response = co_await client.send(std::move(request));
    if (!response) co_return std::unexpected(response.error());
    Answer answer{.status = response->status(),
                  .body = {},
                  .length = response->length(),
                  .ends_with_connection = response->ends_with_connection(),
                  .headers = response->head().headers};
    auto body = co_await response->read_all(64 * 1024 * 1024);
    if (!body) co_return std::unexpected(body.error());
    answer.body = std::move(*body);
    co_return answer;
}

class ClientTest : public testing::Test {
  protected:
    ~ClientTest() override { drop_on(threads[0], client); }

    ClientRequest request(const Origin& origin, std::string method = "GET",
                          std::string target = "/") {
        return {.origin = origin,
                .head = {.method = std::move(method), .target = std::move(target), .headers = {}},
                .body = {}};
    }
    Result<Answer> get(const Origin& origin, std::string method = "GET") {
        return run_on(threads[0], ask(*client, request(origin, std::move(method))));
    }
    // One connection, one request, this answer, and the end of the connection.
    Result<Answer> get_from(const std::string& text, std::string method = "GET") {
        RawServer server([&](RawSocket& socket, int) {
            socket.read_until("\r\n\r\n");
            socket.send(text);
        });
        return get(server.origin(), std::move(method));
    }

    Threads threads;
    std::unique_ptr<Client> client = std::make_unique<Client>(
        threads[0],
        ClientSettings{.connect_timeout = seconds(5), .stall_timeout = milliseconds(300)}, nullptr);
};

const std::string ok = "HTTP/1.1 200 OK\r\n";

TEST_F(ClientTest, ReadsABodyOfKnownLength) {
    const auto answer = get_from(ok + "Content-Length: 5\r\nETag: \"x\"\r\n\r\nhello");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "hello");
    EXPECT_EQ(answer->length, 5u);
    EXPECT_EQ(answer->headers.get("etag"), "\"x\"");
}

TEST_F(ClientTest, ReadsAChunkedBodyAndDropsItsTrailers) {
    const auto answer =
        get_from(ok +
                 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n"
                 "0\r\nETag: \"planted\"\r\n\r\n");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "hello world");
    EXPECT_FALSE(answer->length);
    EXPECT_FALSE(answer->headers.has("ETag"));
}

TEST_F(ClientTest, ReadsABodyThatEndsWithTheConnection) {
    const auto answer = get_from(ok + "\r\nhello");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "hello");
    EXPECT_FALSE(answer->length);
    EXPECT_TRUE(answer->ends_with_connection);
}

TEST_F(ClientTest, AnswersToHeadHaveNoBody) {
    const auto answer = get_from(ok + "Content-Length: 12345\r\n\r\n", "HEAD");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->length, 0u);
    EXPECT_EQ(answer->headers.get("Content-Length"), "12345");
}

TEST_F(ClientTest, ALargeBodyArrivesWhole) {
    const auto content = pattern(8 * 1024 * 1024);
    const auto answer =
        get_from(ok + "Content-Length: " + std::to_string(content.size()) + "\r\n\r\n" + content);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->body == content);
}

TEST_F(ClientTest, AnswersMayArriveByteByByte) {
    const std::string text = ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    RawServer server([&](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        for (const char c : text) socket.send({&c, 1});
    });
    const auto answer = get(server.origin());
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "abc");
}

TEST_F(ClientTest, AShortBodyIsNeverTakenForAWholeOne) {
    for (const std::string& text :
         {ok + "Content-Length: 50\r\n\r\nhello", ok + "Content-Length: 50\r\n\r\n",
          ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
          ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
          ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
          ok + "Transfer-Encoding: chunked\r\n\r\n"}) {
        const auto answer = get_from(text);
        ASSERT_FALSE(answer) << text;
        EXPECT_EQ(answer.error().kind, ErrorKind::closed) << answer.error().message;
    }
}

TEST_F(ClientTest, BrokenProtocolIsRefused) {
    std::string storm;
    for (int i = 0; i < 9; ++i) storm += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    std::string fields;
    for (int i = 0; i < 1500; ++i) fields += "a: b\r\n";
    const std::string bomb(100000, 'x');
    for (const std::string& text :
         {"SSH-2.0-OpenSSH_9.2\r\n\r\n" + ok, storm + ok + "Content-Length: 0\r\n\r\n",
          ok + fields + "\r\n", ok + "X: " + bomb + "\r\n\r\n", bomb,
          ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
          ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
          ok + "Content-Length: -5\r\n\r\nhello",
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + ok + "\r\n",
          ok + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
          ok + "Transfer-Encoding: chunked\r\n\r\n1;" + bomb + "\r\nx\r\n0\r\n\r\n",
          ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + bomb + "\r\n\r\n"}) {
        const auto answer = get_from(text);
        ASSERT_FALSE(answer) << text.substr(0, 100);
        EXPECT_EQ(answer.error().kind, ErrorKind::protocol) << answer.error().message;
        EXPECT_EQ(answer.error().code, 0);
    }
}

TEST_F(ClientTest, AFewInterimAnswersAreSkipped) {
    const auto answer =
        get_from("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + ok +
                 "Content-Length: 2\r\n\r\nhi");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "hi");
    EXPECT_FALSE(answer->headers.has("A"));
}

TEST_F(ClientTest, ALongRedirectIsNormal) {
    const std::string location = "https://cdn/x?Signature=" + std::string(8000, 's');
    const auto answer =
        get_from("HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->headers.get("Location"), location);
}

TEST_F(ClientTest, WritesTheRequestFromItsValues) {
    std::string seen;
    RawServer server([&](RawSocket& socket, int) {
        seen = socket.read_until("\r\n\r\n");
        seen += socket.read_exactly(4);
        socket.send(ok + "Content-Length: 0\r\n\r\n");
    });
    auto post = request(server.origin(), "POST", "/api?x=1");
    post.head.headers.add("Accept", "*/*");
    post.head.headers.add("host", "evil");
    post.head.headers.add("Content-Length", "99");
    post.head.headers.add("Transfer-Encoding", "chunked");
    post.head.headers.add("Connection", "X-Private");
    post.head.headers.add("X-Private", "1");
    post.body = "body";
    ASSERT_TRUE(run_on(threads[0], ask(*client, std::move(post))));
    EXPECT_EQ(seen, "POST /api?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                        "\r\nAccept: */*\r\nContent-Length: 4\r\n\r\nbody");
}

TEST_F(ClientTest, RefusesARequestThatWouldSplit) {
    RawServer server([](RawSocket&, int) {});
    for (const std::string target : {"/a b", "/a\r\nX: y", "http://x/", ""}) {
        auto bad = request(server.origin(), "GET", target);
        EXPECT_EQ(run_on(threads[0], ask(*client, std::move(bad))).error().kind,
                  ErrorKind::invalid);
    }
    EXPECT_EQ(server.connections(), 0);
}

TEST_F(ClientTest, SilenceTimesOut) {
    for (const std::string& text :
         {std::string(), std::string("HTTP/1.1 20"), ok + "Content-Length: 50\r\n\r\nhello"}) {
        std::promise<void> end;
        RawServer server([&](RawSocket& socket, int) {
            socket.read_until("\r\n\r\n");
            socket.send(text);
            end.get_future().wait();
        });
        const auto answer = get(server.origin());
        EXPECT_EQ(answer.error().kind, ErrorKind::timed_out) << text;
        end.set_value();
    }
}

TEST_F(ClientTest, NobodyListeningIsUnreachable) {
    std::uint16_t port = 0;
    {
        RawServer server([](RawSocket&, int) {});
        port = server.port();
    }
    const auto answer = get({.tls = false, .host = "127.0.0.1", .port = port});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
    EXPECT_NE(answer.error().message.find("http://127.0.0.1:"), std::string::npos);
    const auto named = get({.tls = false, .host = "no-such-host.invalid", .port = 80});
    ASSERT_FALSE(named);
    EXPECT_NE(named.error().message.find("no-such-host.invalid"), std::string::npos);
}

TEST_F(ClientTest, ReadAllIsLimited) {
    RawServer server([](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        socket.send(ok + "Content-Length: 11\r\n\r\nhello world");
    });
    const auto limited = [](Client& c, ClientRequest r,
                            std::size_t limit) -> Task<Result<std::string>> {
        auto response = co_await c.send(std::move(r));
        if (!response) co_return std::unexpected(response.error());
        auto text = co_await response->read_all(limit);
        co_return text;
    };
    auto over = run_on(threads[0], limited(*client, request(server.origin()), 10));
    EXPECT_EQ(over.error().kind, ErrorKind::limited);
    auto exact = run_on(threads[0], limited(*client, request(server.origin()), 11));
    EXPECT_EQ(*exact, "hello world");
}

}  // namespace
}  // namespace hubkeep::test
