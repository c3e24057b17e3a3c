#include "server/net/reach.hpp"

#include <gtest/gtest.h>

#include "server/net/egress.hpp"
#include "tests/unit/net/support.hpp"

namespace hubkeep::test {
namespace {

std::optional<Reach> reach(const char* address) {
    return reach_of(asio::ip::make_address(address));
}

TEST(Reach, TellsWhereAnAddressLies) {
    for (const auto* const text :
         {"1.1.1.1", "9.255.255.255", "11.0.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1",
          "100.63.0.1", "100.128.0.1", "169.253.0.1", "223.255.255.255", "2606:4700::1",
          "64:ff9b::101:101"}) {
        EXPECT_EQ(reach(text), Reach::world) << text;
    }
    for (const auto* const text : {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
                                   "100.64.0.1", "100.127.255.255", "fc00::1", "fdff::1", "fec0::1",
                                   "::ffff:10.0.0.1", "64:ff9b::a00:1"}) {
        EXPECT_EQ(reach(text), Reach::network) << text;
    }
    for (const auto* const text : {"127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"}) {
        EXPECT_EQ(reach(text), Reach::machine) << text;
    }
    for (const auto* const text :
         {"0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "240.0.0.1", "255.255.255.255",
          "::", "fe80::1", "ff02::1", "::ffff:169.254.169.254", "::ffff:0.0.0.0"}) {
        EXPECT_EQ(reach(text), std::nullopt) << text;
    }
}

TEST(Reach, OfAHostIsWhatTheNameSays) {
    EXPECT_EQ(reach_of_host("hub.example"), Reach::world);
    EXPECT_EQ(reach_of_host("192.168.0.1"), Reach::network);
    EXPECT_EQ(reach_of_host("::1"), Reach::machine);
    EXPECT_EQ(reach_of_host("localhost"), Reach::machine);
    EXPECT_EQ(reach_of_host("x.localhost."), Reach::machine);
    EXPECT_EQ(reach_of_host("169.254.169.254"), std::nullopt);
}

TEST(Reach, WithinKeepsWhatLiesNoFurtherInside) {
    Endpoints all;
    for (const auto* const text : {"1.1.1.1", "10.0.0.1", "127.0.0.1", "169.254.169.254"}) {
        all.emplace_back(asio::ip::make_address(text), 80);
    }
    EXPECT_EQ(within(all, Reach::world).size(), 1u);
    EXPECT_EQ(within(all, Reach::network).size(), 2u);
    EXPECT_EQ(within(all, Reach::machine).size(), 3u);
    EXPECT_EQ(reach_of(all), Reach::machine);
    EXPECT_EQ(reach_of(Endpoints{}), Reach::world);
}

// A server on loopback, and who leads to it.
Result<std::unique_ptr<Stream>> dial_led(Threads& threads, const Origin& origin,
                                         DialSettings settings, const std::string& by) {
    return run_on(threads[0],
                  dial(threads[0], origin, std::move(settings), seconds(5), Origin{false, by, 80}));
}

TEST(Dial, IsLedNoFurtherInsideThanTheOneWhoLeads) {
    RawServer server([](RawSocket& socket, int) { socket.send("hi"); });
    Threads threads;
    for (const std::string by : {"1.1.1.1", "10.0.0.1", "no-such-host.invalid"}) {
        const auto stream = dial_led(threads, server.origin(), {}, by);
        ASSERT_FALSE(stream) << by;
        EXPECT_EQ(stream.error().kind, ErrorKind::protocol);
    }
    EXPECT_EQ(server.connections(), 0);
    auto stream = dial_led(threads, server.origin(), {}, "127.0.0.2");
    ASSERT_TRUE(stream) << stream.error().message;
    drop_on(threads[0], *stream);
}

TEST(Dial, IsNotLedToItself) {
    RawServer server([](RawSocket& socket, int) { socket.send("hi"); });
    Threads threads;
    const DialSettings settings{.own_ports = {server.origin().port}};
    const auto stream = dial_led(threads, server.origin(), settings, "127.0.0.1");
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().kind, ErrorKind::protocol);
}

TEST(Dial, IsNotLedInsideThroughAProxyEither) {
    RawServer server([](RawSocket& socket, int) { socket.send("hi"); });
    Threads threads;
    auto proxy = parse_egress_proxy(server.origin().url());
    const DialSettings settings{.proxy = std::make_shared<const EgressProxy>(std::move(*proxy))};
    for (const std::string host : {"10.0.0.1", "localhost", "169.254.169.254", "::1"}) {
        const auto stream = dial_led(threads, {false, host, 80}, settings, "hub.example");
        ASSERT_FALSE(stream) << host;
        EXPECT_EQ(stream.error().kind, ErrorKind::protocol) << host;
    }
    EXPECT_EQ(server.connections(), 0);
}

}  // namespace
}  // namespace hubkeep::test
