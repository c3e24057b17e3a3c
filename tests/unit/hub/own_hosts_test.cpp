// Under which names hubkeep may be asked: those that no stranger's name server can answer for.

#include "server/hub/own_hosts.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

const OwnHosts hosts({"Box.Example", "hub.example:8443"});

TEST(OwnHosts, KnowsNamesThatNobodyElseCanGive) {
    for (const auto* host : {"127.0.0.1",
                             "127.0.0.1:8090",
                             "10.1.2.3",
                             "[::1]",
                             "[::1]:8090",
                             "[2001:db8::1]:80",
                             "localhost",
                             "LocalHost:8090",
                             "localhost.",
                             "localhost.:80",
                             "a.localhost",
                             "a.b.localhost:1",
                             "box.example",
                             "BOX.example:9",
                             "box.example.",
                             "hub.example",
                             "hub.example:8090",
                             "datasets-server.localhost:8090",
                             "datasets-server.127.0.0.1:8090",
                             "datasets-server.box.example",
                             "DATASETS-SERVER.hub.example",
                             ""}) {
        EXPECT_TRUE(hosts.contains(host)) << host;
    }
}

TEST(OwnHosts, RefusesNamesThatCouldBeAStrangers) {
    for (const auto* host : {"evil.example",
                             "evil.example:8090",
                             "localhost.evil.example",
                             "evillocalhost",
                             "127.0.0.1.evil.example",
                             "127.0.0.1.nip.example",
                             "box.example.evil.example",
                             "a.box.example",
                             "xbox.example",
                             "datasets-server.evil.example",
                             "datasets-server.",
                             "datasets-server.datasets-server.localhost.evil.example",
                             ".",
                             "..",
                             "localhost..",
                             "0x7f.1",
                             "2130706433",
                             "127.1",
                             "[evil.example]",
                             "[::1",
                             "hub.example.evil"}) {
        EXPECT_FALSE(hosts.contains(host)) << host;
    }
}

TEST(OwnHosts, WithoutNamesKnowsNoneButNobodys) {
    const OwnHosts none({});
    EXPECT_TRUE(none.contains("localhost"));
    EXPECT_FALSE(none.contains("box.example"));
}

}  // namespace
}  // namespace hubkeep
