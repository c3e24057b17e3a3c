#include "common/network.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

boost::asio::ip::address at(const std::string& text) {
    return boost::asio::ip::make_address(text);
}

bool is_in(std::string_view network, const std::string& address) {
    const auto parsed = Network::parse(network);
    EXPECT_TRUE(parsed) << network;
    return parsed && parsed->contains(at(address));
}

TEST(Network, HoldsTheAddressesThatBeginLikeIt) {
    EXPECT_TRUE(is_in("10.0.0.0/8", "10.255.0.1"));
    EXPECT_FALSE(is_in("10.0.0.0/8", "11.0.0.1"));
    EXPECT_TRUE(is_in("192.168.4.0/22", "192.168.7.255"));
    EXPECT_FALSE(is_in("192.168.4.0/22", "192.168.8.0"));
    EXPECT_TRUE(is_in("10.1.2.3/8", "10.9.9.9")) << "bits behind the prefix do not count";
    EXPECT_TRUE(is_in("fd00::/8", "fdff::1"));
    EXPECT_FALSE(is_in("fd00::/8", "fe80::1"));
    EXPECT_TRUE(is_in("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(is_in("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(Network, OneAddressIsANetworkOfItself) {
    EXPECT_TRUE(is_in("10.0.0.1", "10.0.0.1"));
    EXPECT_FALSE(is_in("10.0.0.1", "10.0.0.2"));
    EXPECT_TRUE(is_in("::1", "::1"));
}

TEST(Network, AnIPv4AddressInsideIPv6IsOne) {
    EXPECT_TRUE(is_in("10.0.0.0/8", "::ffff:10.0.0.1"));
    EXPECT_TRUE(is_in("0.0.0.0/0", "::ffff:10.0.0.1"));
    EXPECT_FALSE(is_in("::/0", "::ffff:10.0.0.1"));
    EXPECT_FALSE(is_in("0.0.0.0/0", "::1"));
}

TEST(Network, NonsenseIsRefused) {
    for (const auto* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8",
                             "fd00::/129", "host", "10.0.0.0/8/8", " 10.0.0.0/8", "10.0.0.0/ 8"}) {
        EXPECT_FALSE(Network::parse(text)) << text;
    }
}

TEST(Networks, AreEverythingWithBothKinds) {
    const auto parse = [](std::vector<std::string> texts) { return *Networks::parse(texts); };
    EXPECT_TRUE(parse({"0.0.0.0/0", "::/0"}).hold_everything());
    EXPECT_FALSE(parse({"0.0.0.0/0"}).hold_everything());
    EXPECT_FALSE(parse({}).hold_everything());
    EXPECT_FALSE(parse({}).contain(at("10.0.0.1")));
    EXPECT_TRUE(parse({"10.0.0.0/8", "::1"}).contain(at("::1")));
    const std::vector<std::string> wrong{"10.0.0.0/8", "10.0.0.0/40"};
    const auto refused = Networks::parse(wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.find("10.0.0.0/40"), 0u) << refused.error().message;
}

}  // namespace
}  // namespace hubkeep
