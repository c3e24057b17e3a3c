#include "server/net/egress.hpp"

#include <gtest/gtest.h>

#include "tests/unit/net/support.hpp"

namespace hubkeep::test {
namespace {

TEST(EgressProxy, IsReadFromItsUrl) {
    const auto http = parse_egress_proxy("http://Proxy.example:3128");
    ASSERT_TRUE(http);
    EXPECT_EQ(http->kind, EgressProxy::Kind::connect);
    EXPECT_EQ(http->address(), "proxy.example:3128");
    const auto socks = parse_egress_proxy("socks5://[::1]:1080");
    ASSERT_TRUE(socks);
    EXPECT_EQ(socks->kind, EgressProxy::Kind::socks5);
    EXPECT_EQ(socks->address(), "[::1]:1080");
    for (const auto* text : {"", "https://p:1", "socks4://p:1", "p:1", "http://user:pw@p:1"}) {
        EXPECT_FALSE(parse_egress_proxy(text)) << text;
    }
}

TEST(EgressProxy, LeavesOutWhatNoProxySays) {
    EgressProxy proxy;
    proxy.no_proxy = {"mirror.example", ".corp.example", "10.0.0.0/8", "fd00::/8"};
    for (const auto* host :
         {"mirror.example", "a.corp.example", "corp.example", "10.1.2.3", "fd12::1"}) {
        EXPECT_FALSE(proxy.is_used_for(host)) << host;
    }
    for (const auto* host : {"huggingface.co", "a.mirror.example", "notcorp.example", "11.0.0.1",
                             "fe80::1", "10.example"}) {
        EXPECT_TRUE(proxy.is_used_for(host)) << host;
    }
}

class Tunnel : public testing::Test {
  protected:
    // What comes out of a dial of http://hub.invalid:80 through a proxy that plays the script: the
    // first line behind the tunnel, or the error.
    Result<std::string> dial_through(RawServer::Script script, std::string_view scheme,
                                     std::string login = "") {
        RawServer server(std::move(script));
        Threads threads;
        auto proxy = std::make_shared<EgressProxy>(*parse_egress_proxy(
            std::string(scheme) + "://127.0.0.1:" + std::to_string(server.port())));
        proxy->login = Secret(std::move(login));
        auto stream = run_on(threads[0], dial(threads[0], {false, "hub.invalid", 80},
                                              {.proxy = proxy}, milliseconds(1500)));
        if (!stream) return std::unexpected(stream.error());
        std::array<char, 64> buffer;
        const auto count = run_on(threads[0], (*stream)->read_some(buffer));
        drop_on(threads[0], *stream);
        if (!count) return std::unexpected(count.error());
        return std::string(buffer.data(), *count);
    }
};

TEST_F(Tunnel, ConnectAsksForTheTargetAndShowsItsLogin) {
    std::string head;
    const auto got = dial_through(
        [&](RawSocket& socket, int) {
            head = socket.read_until("\r\n\r\n");
            socket.send("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n");
            ::usleep(20'000);
            socket.send("hello");
        },
        "http", "user:pass word");
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(*got, "hello");
    EXPECT_TRUE(head.starts_with("CONNECT hub.invalid:80 HTTP/1.1\r\nHost: hub.invalid:80\r\n"));
    EXPECT_NE(head.find("Proxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n"), std::string::npos);
}

TEST_F(Tunnel, ARefusalNamesTheProxyAndWhatToDo) {
    const auto refused = dial_through(
        [](RawSocket& socket, int) {
            socket.read_until("\r\n\r\n");
            socket.send("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        },
        "http");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::denied);
    EXPECT_NE(refused.error().message.find("answered 407: it wants a user"), std::string::npos);
    EXPECT_NE(refused.error().message.find("the proxy 127.0.0.1:"), std::string::npos);
    const auto bad = dial_through(
        [](RawSocket& socket, int) {
            socket.read_until("\r\n\r\n");
            socket.send("HTTP/1.1 502 Bad Gateway\r\n\r\n");
        },
        "http");
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().message.find("answered 502 for hub.invalid:80"), std::string::npos);
}

TEST_F(Tunnel, BytesInFrontOfTheTunnelArePlanted) {
    const auto got = dial_through(
        [](RawSocket& socket, int) {
            socket.read_until("\r\n\r\n");
            socket.send("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
        },
        "http");
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, ErrorKind::protocol);
}

TEST_F(Tunnel, AProxyThatSaysNothingOrTooMuchIsLeft) {
    std::promise<void> over;
    auto wait = over.get_future().share();
    const auto silent = dial_through(
        [wait](RawSocket& socket, int) {
            socket.read_until("\r\n\r\n");
            wait.wait_for(seconds(3));
        },
        "http");
    over.set_value();
    ASSERT_FALSE(silent);
    EXPECT_EQ(silent.error().kind, ErrorKind::timed_out) << silent.error().message;
    const auto flood = dial_through(
        [](RawSocket& socket, int) { socket.send(std::string(64 * 1024, 'x')); }, "http");
    ASSERT_FALSE(flood);
}

TEST_F(Tunnel, SocksLeavesTheNameToTheProxy) {
    using namespace std::string_literals;
    std::string request;
    const auto got = dial_through(
        [&](RawSocket& socket, int) {
            EXPECT_EQ(socket.read_exactly(3), "\x05\x01\x00"s);
            socket.send("\x05\x00"s);
            request = socket.read_exactly(18);
            socket.send("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"s);
            socket.send("hello");
        },
        "socks5");
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(*got, "hello");
    EXPECT_EQ(request, "\x05\x01\x00\x03\x0bhub.invalid\x00\x50"s);
}

TEST_F(Tunnel, SocksLogsIn) {
    using namespace std::string_literals;
    const auto script = [](std::string verdict) {
        return [verdict](RawSocket& socket, int) {
            EXPECT_EQ(socket.read_exactly(4), "\x05\x02\x00\x02"s);
            socket.send("\x05\x02"s);
            EXPECT_EQ(socket.read_exactly(11), "\x01\x04user\x04pass"s);
            socket.send(verdict);
            if (verdict.back() != 0) return;
            socket.read_exactly(18);
            socket.send("\x05\x00\x00\x03\x03"s + "abc\x00\x50"s + "hello");
        };
    };
    EXPECT_EQ(dial_through(script("\x01\x00"s), "socks5", "user:pass").value_or("failed"), "hello");
    const auto refused = dial_through(script("\x01\x01"s), "socks5", "user:pass");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::denied);
}

TEST_F(Tunnel, SocksErrorsAreSentences) {
    using namespace std::string_literals;
    const auto refused = dial_through(
        [](RawSocket& socket, int) {
            socket.read_exactly(3);
            socket.send("\x05\x00"s);
            socket.read_exactly(18);
            socket.send("\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"s);
        },
        "socks5");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("hub.invalid:80: the connection was refused"),
              std::string::npos);
    const auto http = dial_through(
        [](RawSocket& socket, int) { socket.send("HTTP/1.1 400 Bad\r\n\r\n"); }, "socks5");
    ASSERT_FALSE(http);
    EXPECT_NE(http.error().message.find("does not speak SOCKS5"), std::string::npos);
}

}  // namespace
}  // namespace hubkeep::test
