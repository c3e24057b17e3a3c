// What a session refuses, and what it does to clients that are slow, gone or hostile.

#include <gtest/gtest.h>

#include "common/waiters.hpp"
#include "tests/unit/http/support.hpp"

namespace hubkeep::test {
namespace {

// The status that a raw request gets; the connection must end afterwards, in order.
int refused_with(TestServer& server, const std::string& request) {
    auto client = server.connect();
    client.send(request);
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.field("Connection"), "close") << request.substr(0, 200);
    EXPECT_EQ(client.read_some(), "") << request.substr(0, 200);
    EXPECT_FALSE(client.was_reset) << request.substr(0, 200);
    EXPECT_FALSE(client.timed_out) << request.substr(0, 200);
    return answer.status;
}

TEST(SessionLimits, RefusesAndCloses) {
    TestServer server(echo);
    const std::string begin = "POST / HTTP/1.1\r\nHost: h\r\n";
    // What looks like a second request behind it must never be answered.
    const std::string smuggled = "\r\n" + get("/smuggled");
    EXPECT_EQ(refused_with(server, begin + "Transfer-Encoding: gzip\r\n" + smuggled), 501);
    EXPECT_EQ(refused_with(server, begin + "Transfer-Encoding: ,chunked\r\n" + smuggled), 400);
    EXPECT_EQ(refused_with(server, begin + "Content-Length: 5\r\nContent-Length: 5\r\n" + smuggled),
              400);
    EXPECT_EQ(refused_with(server, begin + "Host: i\r\n" + smuggled), 400);
    EXPECT_EQ(refused_with(server, begin + "X: a\r\n b\r\n" + smuggled), 400);
    EXPECT_EQ(refused_with(server, "GET http://h/ HTTP/1.1\r\nHost: h\r\n" + smuggled), 400);
    EXPECT_EQ(refused_with(server, "GET / HTTP/1.1\nHost: h\n\n"), 400);
    EXPECT_EQ(refused_with(server, "GET / HTTP/3.0\r\nHost: h\r\n\r\n"), 505);
    EXPECT_EQ(refused_with(server, "\x16\x03\x01\x02\x01\x01\r\n\r\n"), 400);
    EXPECT_EQ(refused_with(server, "\r\n\r\n\r\n\r\n\r\n\r\n"), 400);
    EXPECT_EQ(server.handler.calls, 0);
}

TEST(SessionLimits, BoundsTheHead) {
    TestServer server(echo);
    const auto with = [](const std::string& fields) { return get("/", fields); };
    EXPECT_EQ(refused_with(server, with("X: " + std::string(70 * 1024, 'x') + "\r\n")), 431);
    std::string many;
    for (int i = 0; i < 1500; ++i) many += "a:\r\n";
    EXPECT_EQ(refused_with(server, with(many)), 431);
    EXPECT_EQ(refused_with(server, "GET /" + std::string(20000, 'x') + " HTTP/1.1\r\n\r\n"), 414);
    EXPECT_EQ(
        refused_with(server, "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n"),
        414);
    EXPECT_EQ(server.handler.calls, 0);
    auto client = server.connect();
    client.send(with("X: " + std::string(15 * 1024, 'x') + "\r\n"));
    EXPECT_EQ(read_answer(client).status, 200);
}

TEST(SessionLimits, BoundsTrailersAndExtensions) {
    TestServer server(echo);
    const std::string begin = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(
        refused_with(server, begin + "1\r\nx\r\n0\r\nX: " + std::string(100000, 't') + "\r\n\r\n"),
        413);
    EXPECT_EQ(refused_with(server, begin + "1;" + std::string(100000, 'e') + "\r\nx\r\n0\r\n\r\n"),
              413);
    auto client = server.connect();
    client.send(get("/alive"));
    EXPECT_EQ(read_answer(client).body, "GET /alive ");
}

TEST(SessionLimits, AHeadThatTricklesInIsCutOff) {
    TestServer server(echo, {.head_time = milliseconds(100)});
    auto client = server.connect();
    client.send("GET / HT");
    const auto before = SteadyClock::now();
    EXPECT_EQ(client.read_some(), "");
    EXPECT_FALSE(client.timed_out);
    EXPECT_LT(SteadyClock::now() - before, seconds(5));
    EXPECT_EQ(server.handler.calls, 0);
}

TEST(SessionLimits, AnIdleConnectionEnds) {
    TestServer server(echo, {.idle_time = milliseconds(50)});
    auto client = server.connect();
    client.send(get("/"));
    EXPECT_EQ(read_answer(client).status, 200);
    EXPECT_EQ(client.read_some(), "");
    EXPECT_FALSE(client.timed_out);
}

TEST(SessionLimits, ABodyThatDoesNotComeIsNotAwaitedForEver) {
    TestServer server(echo, {.stall_time = milliseconds(50)});
    auto client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
    client.read_all();
    EXPECT_FALSE(client.timed_out);
}

TEST(SessionLimits, AClientThatDoesNotReadIsCutOff) {
    const std::string big(64 * 1024 * 1024, 'x');
    TestServer server(
        [&](Exchange& exchange) {
            return [](Exchange& e, std::string body) -> Task<void> {
                const auto sent =
                    co_await e.respond({.status = 200, .headers = {}}, std::move(body));
                EXPECT_EQ(sent.error().kind, ErrorKind::timed_out);
            }(exchange, big);
        },
        {.stall_time = milliseconds(50)});
    auto client = server.connect();
    client.send(get("/", "Connection: close\r\n"));
    while (server.handler.calls == 0 || server.hub.open() > 0) std::this_thread::yield();
    EXPECT_LT(client.read_all().size(), big.size());
}

Task<void> wait_for_leaving(Exchange& exchange, std::atomic<bool>& noticed) {
    while (!exchange.client_gone()) co_await sleep_for(milliseconds(1));
    noticed = true;
    co_await exchange.respond({.status = 200, .headers = {}}, "nobody reads this");
}

TEST(SessionLimits, AHandlerCanSeeThatTheClientHasLeft) {
    std::atomic<bool> noticed = false;
    TestServer server([&](Exchange& exchange) { return wait_for_leaving(exchange, noticed); });
    auto client = server.connect();
    client.send(get("/"));
    while (server.handler.calls == 0) std::this_thread::yield();
    EXPECT_FALSE(noticed);
    client.reset();
    while (!noticed) std::this_thread::yield();
}

TEST(SessionLimits, DrainEndsIdleConnectionsAndClosesBusyOnesAfterTheirAnswer) {
    std::promise<void> go;
    auto may_go = go.get_future().share();
    TestServer server([&](Exchange& exchange) -> Task<void> {
        if (exchange.request().target == "/busy") {
            while (may_go.wait_for(seconds(0)) != std::future_status::ready) {
                co_await sleep_for(milliseconds(1));
            }
        }
        co_await exchange.respond({.status = 200, .headers = {}}, "done");
    });
    auto idle = server.connect();
    idle.send(get("/"));
    EXPECT_EQ(read_answer(idle).status, 200);
    auto busy = server.connect();
    busy.send(get("/busy"));
    while (server.handler.calls < 2) std::this_thread::yield();

    server.hub.drain(server.io);
    EXPECT_EQ(idle.read_some(), "");
    EXPECT_FALSE(idle.was_reset);
    go.set_value();
    const auto answer = read_answer(busy);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_EQ(busy.read_some(), "");
    busy.close();
    while (server.hub.open() > 0) std::this_thread::yield();
}

TEST(SessionLimits, AConnectionThatComesDuringTheDrainIsStillAnswered) {
    TestServer server(echo);
    auto fresh = server.connect();
    while (server.hub.open() == 0) std::this_thread::yield();
    server.hub.drain(server.io);
    server.io.on_each([](IoThread&) {});
    fresh.send(get("/late"));
    const auto answer = read_answer(fresh);
    EXPECT_EQ(answer.body, "GET /late ");
    EXPECT_EQ(answer.field("Connection"), "close");
}

TEST(SessionLimits, WritesOneAccessLineForEachRequest) {
    testing::internal::CaptureStderr();
    {
        TestServer server(echo, {}, nullptr, 1, LogLevel::info);
        auto client = server.connect();
        client.send("POST /x?token=hf_secret&a=b HTTP/1.1\r\nHost: h\r\nUser-Agent: " +
                    std::string(200, 'u') + "\r\nX-Request-Id: one\r\nContent-Length: 2\r\n\r\nhi");
        read_answer(client);
        client.send("GET / HTTP/1.1\r\nX-Request-Id: two\r\n\r\n");
        read_answer(client);
    }
    const auto log = testing::internal::GetCapturedStderr();
    EXPECT_NE(log.find(R"("id":"one")"), std::string::npos) << log;
    EXPECT_NE(log.find(R"("path":"/x?token=***&a=b","status":200,"bytes":)"), std::string::npos)
        << log;
    EXPECT_EQ(log.find("hf_secret"), std::string::npos) << log;
    EXPECT_NE(log.find('"' + std::string(120, 'u') + '"'), std::string::npos) << log;
    EXPECT_NE(log.find(R"("id":"two")"), std::string::npos) << log;
    EXPECT_NE(log.find(R"("status":400)"), std::string::npos) << log;
}

TEST(SessionLimits, AClientThatLeftBeforeTheAnswerIsLoggedAs499) {
    testing::internal::CaptureStderr();
    {
        std::atomic<bool> noticed = false;
        TestServer server([&](Exchange& exchange) { return wait_for_leaving(exchange, noticed); },
                          {}, nullptr, 1, LogLevel::info);
        auto client = server.connect();
        client.send(get("/"));
        while (server.handler.calls == 0) std::this_thread::yield();
        client.reset();
        while (server.hub.open() > 0) std::this_thread::yield();
    }
    const auto log = testing::internal::GetCapturedStderr();
    EXPECT_NE(log.find(R"("status":499)"), std::string::npos) << log;
    EXPECT_NE(log.find(R"("end":"client_left")"), std::string::npos) << log;
}

}  // namespace
}  // namespace hubkeep::test
