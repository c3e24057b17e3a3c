// When a connection of the client is used again, and when it must not be.

#include <gtest/gtest.h>

#include "common/waiters.hpp"
#include "server/http/client.hpp"
#include "tests/unit/http/support.hpp"

namespace hubkeep::test {
namespace {

const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

Task<Result<std::string>> fetch(Client& client, Origin origin) {
    ClientRequest request{.origin = std::move(origin),
                          .head = {.method = "GET", .target = "/", .headers = {}},
                          .body = {}};
    auto response = co_await client.send(std::move(request));
    if (!response) co_return std::unexpected(response.error());
    auto body = co_await response->read_all(1000);
    co_return body;
}

Task<Result<int>> peek(Client& client, Origin origin) {
    ClientRequest request{.origin = std::move(origin),
                          .head = {.method = "GET", .target = "/", .headers = {}},
                          .body = {}};
    auto response = co_await client.send(std::move(request));
    if (!response) co_return std::unexpected(response.error());
    co_return response->status();
}

Task<int> nap() {
    co_await sleep_for(milliseconds(120));
    co_return 0;
}

class PoolTest : public testing::Test {
  protected:
    ~PoolTest() override { drop_on(threads[0], client); }

    Result<std::string> get(const RawServer& server) {
        return run_on(threads[0], fetch(*client, server.origin()));
    }
    void expect_hi(const RawServer& server) {
        const auto body = get(server);
        ASSERT_TRUE(body) << body.error().message;
        EXPECT_EQ(*body, "hi");
    }

    Threads threads;
    std::unique_ptr<Client> client = std::make_unique<Client>(
        threads[0], ClientSettings{.stall_timeout = seconds(5), .idle_timeout = milliseconds(80)},
        nullptr);
};

// Answers every request with the same text, until the other side leaves.
RawServer::Script always(const std::string& text) {
    return [text](RawSocket& socket, int) {
        while (!socket.read_until("\r\n\r\n").empty()) socket.send(text);
    };
}

TEST_F(PoolTest, ACleanConnectionIsUsedAgain) {
    for (const std::string& text :
         {answer,
          std::string(
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")}) {
        RawServer server(always(text));
        for (int i = 0; i < 5; ++i) expect_hi(server);
        EXPECT_EQ(server.connections(), 1);
        threads.io.on_each([&](IoThread&) {
            client = std::make_unique<Client>(threads[0], ClientSettings{}, nullptr);
        });
    }
}

TEST_F(PoolTest, AConnectionThatTheAnswerClosesIsNot) {
    RawServer server([](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        socket.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
    });
    expect_hi(server);
    expect_hi(server);
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(PoolTest, BytesBehindAnAnswerArePlantedAndEndTheConnection) {
    RawServer server([](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        socket.send(answer + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        socket.read_all();
    });
    expect_hi(server);
    expect_hi(server);
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(PoolTest, BytesThatComeWhileIdleEndTheConnection) {
    std::promise<void> planted;
    RawServer server([&](RawSocket& socket, int number) {
        socket.read_until("\r\n\r\n");
        socket.send(answer);
        if (number == 0) {
            socket.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
            planted.set_value();
            return;
        }
        socket.read_all();
    });
    expect_hi(server);
    planted.get_future().wait();
    expect_hi(server);
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(PoolTest, AnAnswerThatWasNotReadToItsEndClosesTheConnection) {
    RawServer server([](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\nhi");
        EXPECT_EQ(socket.read_all(), "");  // returns only when the client has closed
    });
    EXPECT_EQ(*run_on(threads[0], peek(*client, server.origin())), 200);
    EXPECT_EQ(*run_on(threads[0], peek(*client, server.origin())), 200);
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(PoolTest, APooledConnectionThatDiedIsReplacedOnce) {
    RawServer server([](RawSocket& socket, int number) {
        socket.read_until("\r\n\r\n");
        socket.send(answer);
        if (number > 0) {
            socket.read_all();
            return;
        }
        // Reads the second request and leaves without a word, as a server does that timed out.
        socket.read_until("\r\n\r\n");
    });
    expect_hi(server);
    expect_hi(server);
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(PoolTest, AFreshConnectionThatDiesIsNotReplaced) {
    RawServer server([](RawSocket& socket, int) { socket.read_until("\r\n\r\n"); });
    const auto body = get(server);
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().kind, ErrorKind::closed);
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(PoolTest, AnAnswerThatBeganIsNotAskedForAgain) {
    RawServer server([](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        socket.send(answer);
        socket.read_until("\r\n\r\n");
        socket.send("HTTP/1.1 2");
    });
    expect_hi(server);
    const auto body = get(server);
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().kind, ErrorKind::closed);
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(PoolTest, AnIdleConnectionIsSweptOut) {
    std::promise<void> swept;
    RawServer server([&](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        socket.send(answer);
        socket.read_all();
        swept.set_value();
    });
    expect_hi(server);
    EXPECT_EQ(swept.get_future().wait_for(seconds(10)), std::future_status::ready);
    threads.io.on_each([](IoThread& thread) { EXPECT_EQ(thread.open_streams(), 0u); });
}

TEST_F(PoolTest, OriginsDoNotShareConnections) {
    RawServer one(always(answer));
    RawServer two(always(answer));
    expect_hi(one);
    expect_hi(two);
    EXPECT_EQ(one.connections(), 1);
    EXPECT_EQ(two.connections(), 1);
    drop_on(threads[0], client);
}

TEST_F(PoolTest, AfterCloseIdleNothingIsKept) {
    RawServer server(always(answer));
    expect_hi(server);
    threads.io.on_each([&](IoThread&) { client->close_idle(); });
    EXPECT_EQ(threads[0].open_streams(), 0u);
    expect_hi(server);
    EXPECT_EQ(threads[0].open_streams(), 0u);
    run_on(threads[0], nap());
    EXPECT_EQ(server.connections(), 2);
}

}  // namespace
}  // namespace hubkeep::test
