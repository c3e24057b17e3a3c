// Who is behind a request, as a table of senders.

#include "server/proxy/clients.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "server/proxy/client_use.hpp"

namespace hubkeep {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t now = 1'700'000'000;
const std::string hub_token = "hf_" + std::string(34, 'x');

class ClientsTest : public ::testing::Test {
  protected:
    std::string issue(ClientKey key) {
        const auto text = make_client_key();
        key.digest = digest_of(DigestKind::sha256, text->reveal());
        keys_.push_back(std::move(key));
        return std::string(text->reveal());
    }

    std::expected<Visitor, HubError> ask(const std::string& authorization = "",
                                         const std::string& certificate = "") {
        const Clients clients(settings_, keys_);
        return clients.identify(
            {boost::asio::ip::make_address(peer_), certificate, Secret(authorization), headers_},
            now);
    }

    bool is_admitted() { return ask().has_value(); }

    static std::string basic(const std::string& login) {
        std::string out(4 * (login.size() / 3 + 1) + 1, '\0');
        const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                          reinterpret_cast<const unsigned char*>(login.data()),
                                          static_cast<int>(login.size()));
        out.resize(std::size_t(size));
        return "Basic " + out;
    }

    ClientsSettings settings_;
    std::vector<ClientKey> keys_;
    std::string peer_ = "10.0.0.9";
    Headers headers_;
};

TEST_F(ClientsTest, WithoutSettingsEverybodyIsAnonymous) {
    const auto visitor = ask();
    ASSERT_TRUE(visitor);
    EXPECT_EQ(visitor->by, Visitor::By::address);
    EXPECT_EQ(visitor->name, "");
    EXPECT_EQ(visitor->describe(), "anonymous");
    EXPECT_TRUE(visitor->hub_token.empty());
    EXPECT_FALSE(visitor->from_web_page);
}

TEST_F(ClientsTest, AKeyNamesItsClientAndStaysHere) {
    ClientKey key{.name = "ci", .team = "ml"};
    key.repos = {"our-org/*"};
    const auto text = issue(key);
    settings_.anonymous = {};
    for (const auto& authorization :
         {"Bearer " + text, "bearer  " + text, basic("git:" + text), basic(text + ":")}) {
        const auto visitor = ask(authorization);
        ASSERT_TRUE(visitor) << authorization;
        EXPECT_EQ(visitor->by, Visitor::By::key);
        EXPECT_EQ(visitor->name, "ci");
        EXPECT_EQ(visitor->team, "ml");
        EXPECT_EQ(visitor->repos, key.repos);
        EXPECT_TRUE(visitor->hub_token.empty());
        EXPECT_TRUE(visitor->use);
    }
}

TEST_F(ClientsTest, AKeyThatIsNotGoodIsRefusedEvenWhereNoneIsNeeded) {
    ClientKey old{.name = "old"};
    old.expires = now;
    const auto expired = issue(old);
    const auto unknown = std::string(make_client_key()->reveal());
    const auto damaged = unknown.substr(0, 30);
    const auto refusal = [&](const std::string& text) {
        const auto visitor = ask("Bearer " + text);
        EXPECT_FALSE(visitor);
        EXPECT_EQ(visitor.error().status, 401);
        EXPECT_EQ(visitor.error().realm, "hubkeep");
        EXPECT_EQ(visitor.error().message.find(text), std::string::npos);
        return visitor.error().message;
    };
    EXPECT_THAT(refusal(expired), HasSubstr("old, expired on 2023-11-14T22:13:20Z"));
    EXPECT_THAT(refusal(unknown), HasSubstr("not known here"));
    EXPECT_THAT(refusal(damaged), HasSubstr("mistyped or cut short"));
}

TEST_F(ClientsTest, AKeyIsGoodUntilItsTime) {
    ClientKey key{.name = "ci"};
    key.expires = now + 1;
    EXPECT_TRUE(ask("Bearer " + issue(key)));
}

TEST_F(ClientsTest, ATokenOfTheHubGoesOnToIt) {
    const auto visitor = ask("Bearer " + hub_token);
    ASSERT_TRUE(visitor);
    EXPECT_EQ(visitor->by, Visitor::By::address);
    EXPECT_EQ(visitor->hub_token.reveal(), hub_token);
    EXPECT_EQ(ask(basic("user:" + hub_token))->hub_token.reveal(), hub_token);
    EXPECT_TRUE(ask(basic("user:secret"))->hub_token.empty()) << "a password for somebody else";
    for (const auto* nonsense : {"Bearer", "Bearer ", "Basic", "Basic !!!!", "Basic YQ==", "x y"}) {
        const auto answer = ask(nonsense);
        ASSERT_TRUE(answer) << nonsense;
        EXPECT_TRUE(answer->hub_token.empty()) << nonsense;
    }
}

TEST_F(ClientsTest, ATokenOfTheHubIsNoKey) {
    settings_.anonymous = {"192.168.0.0/16"};
    const auto refused = ask("Bearer " + hub_token);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("asks for a key"));
    peer_ = "192.168.3.4";
    EXPECT_TRUE(ask("Bearer " + hub_token));
    peer_ = "::ffff:192.168.3.4";
    EXPECT_TRUE(is_admitted());
    peer_ = "fd00::1";
    EXPECT_FALSE(is_admitted());
}

TEST_F(ClientsTest, TheHeaderCountsFromATrustedProxyAlone) {
    settings_.anonymous = {};
    settings_.proxies = {"10.0.0.9/32"};
    settings_.header = "X-Forwarded-User";
    settings_.teams = {{"ml", {"alice", "*@ml.example"}}, {"all", {"*"}}};
    headers_.add("x-forwarded-user", " bob@ml.example ");
    const auto visitor = ask("Bearer " + hub_token);
    ASSERT_TRUE(visitor);
    EXPECT_EQ(visitor->by, Visitor::By::header);
    EXPECT_EQ(visitor->name, "bob@ml.example");
    EXPECT_EQ(visitor->team, "ml");
    EXPECT_EQ(visitor->hub_token.reveal(), hub_token);
    EXPECT_EQ(ask("", "proxy.example")->name, "bob@ml.example") << "the certificate is the proxy's";
    peer_ = "10.0.0.10";
    EXPECT_FALSE(is_admitted());
    settings_.anonymous = {"0.0.0.0/0"};
    EXPECT_EQ(ask()->name, "");
}

TEST_F(ClientsTest, AHeaderThatIsNoNameIsNone) {
    settings_.proxies = {"10.0.0.9"};
    settings_.header = "X-User";
    for (const auto& value : {std::string(), std::string(" "), std::string(257, 'a'),
                              std::string("a\x01") + "b", std::string("\xff\xfe")}) {
        headers_.set("X-User", value);
        EXPECT_EQ(ask()->by, Visitor::By::address) << value;
    }
    headers_.set("X-User", "J\xc3\xbcrgen");
    EXPECT_EQ(ask()->name, "J\xc3\xbcrgen");
}

TEST_F(ClientsTest, ACertificateNamesItsClient) {
    settings_.anonymous = {};
    settings_.teams = {{"ci", {"build-*"}}};
    const auto visitor = ask("", "build-7");
    ASSERT_TRUE(visitor);
    EXPECT_EQ(visitor->by, Visitor::By::certificate);
    EXPECT_EQ(visitor->name, "build-7");
    EXPECT_EQ(visitor->team, "ci");
    EXPECT_EQ(ask("Bearer " + issue({.name = "ci"}), "build-7")->by, Visitor::By::key);
}

TEST_F(ClientsTest, TheCertificateOfAProxyNamesNobody) {
    settings_.anonymous = {};
    settings_.proxies = {"10.0.0.9"};
    EXPECT_FALSE(ask("", "proxy.example")) << "no header is set";
    settings_.header = "X-User";
    EXPECT_FALSE(ask("", "proxy.example"));
    headers_.set("X-User", std::string("a\x01"));
    EXPECT_FALSE(ask("", "proxy.example"));
    settings_.anonymous = {"0.0.0.0/0"};
    EXPECT_EQ(ask("", "proxy.example")->by, Visitor::By::address);
    EXPECT_EQ(ask("", "proxy.example")->name, "");
    peer_ = "10.0.0.10";
    EXPECT_EQ(ask("", "build-7")->name, "build-7");
}

TEST_F(ClientsTest, AUserHeaderThatStandsTwiceNamesNobody) {
    settings_.proxies = {"10.0.0.9"};
    settings_.header = "X-User";
    headers_.add("X-User", "mallory");
    EXPECT_EQ(ask()->name, "mallory");
    headers_.add("x-user", "alice");
    EXPECT_EQ(ask()->name, "");
    settings_.anonymous = {};
    EXPECT_FALSE(is_admitted());
}

TEST_F(ClientsTest, AKeyInOtherTextIsNotPassedOn) {
    const auto text = issue({.name = "ci"});
    for (const auto& sent : {"Bearer Bearer " + text, "Bearer \"" + text + '"',
                             "Bearer " + text.substr(0, 37), "Bearer x " + text}) {
        const auto visitor = ask(sent);
        ASSERT_FALSE(visitor) << sent;
        EXPECT_THAT(visitor.error().message, HasSubstr("mistyped or cut short"));
    }
}

struct Hops {
    const char* peer;
    const char* forwarded;
    bool admitted;
};

TEST_F(ClientsTest, TheAddressIsThatOfTheLastHopThatIsNoProxyOfOurs) {
    settings_.anonymous = {"192.168.0.0/16", "fd00::/8"};
    settings_.proxies = {"10.0.0.0/24", "10.0.1.1"};
    const std::vector<Hops> table{
        {"192.168.0.1", nullptr, true},
        {"8.8.8.8", nullptr, false},
        {"8.8.8.8", "192.168.0.1", false},  // no proxy of ours: its word does not count
        {"10.0.0.1", nullptr, false},       // the proxy itself
        {"10.0.0.1", "192.168.0.1", true},
        {"10.0.0.1", "8.8.8.8", false},
        {"10.0.0.1", "192.168.0.1, 8.8.8.8", false},  // the first is the client's invention
        {"10.0.0.1", "8.8.8.8, 192.168.0.1", true},
        {"10.0.0.1", "192.168.0.1, 10.0.0.2", true},  // two proxies
        {"10.0.0.1", "192.168.0.1,10.0.1.1,10.0.0.2", true},
        {"10.0.0.1", "10.0.0.7", false},  // no client at all
        {"10.0.0.1", "192.168.0.1:1234", true},
        {"10.0.0.1", "[fd00::1]:1234", true},
        {"10.0.0.1", "fd00::1", true},
        {"10.0.0.1", "::ffff:192.168.0.1", true},
        {"10.0.0.1", "192.168.0.1, unknown", false},
        {"10.0.0.1", "192.168.0.1,", false},
        {"10.0.0.1", ",,,", false},
        {"10.0.0.1", "[", false},
    };
    for (const auto& row : table) {
        peer_ = row.peer;
        headers_ = {};
        if (row.forwarded) headers_.add("X-Forwarded-For", row.forwarded);
        EXPECT_EQ(is_admitted(), row.admitted)
            << row.peer << " " << (row.forwarded ? row.forwarded : "");
    }
    peer_ = "10.0.0.1";
    headers_ = {};
    headers_.add("X-Forwarded-For", "192.168.0.1");
    headers_.add("x-forwarded-for", "8.8.8.8");
    EXPECT_FALSE(is_admitted()) << "two fields are one list, in their order";
}

TEST_F(ClientsTest, AWebPageIsKnownByItsOrigin) {
    headers_.add("Origin", "https://evil.example");
    EXPECT_TRUE(ask()->from_web_page);
    EXPECT_TRUE(ask("Bearer " + issue({.name = "ci"}))->from_web_page);
}

TEST_F(ClientsTest, AWebPageIsKnownByItsSiteToo) {
    for (const auto* site : {"none", "same-origin", "same-site"}) {
        headers_.set("Sec-Fetch-Site", site);
        EXPECT_FALSE(ask()->from_web_page) << site;
    }
    for (const auto* site : {"cross-site", "", "unheard-of"}) {
        headers_.set("Sec-Fetch-Site", site);
        EXPECT_TRUE(ask()->from_web_page) << site;
    }
}

TEST_F(ClientsTest, WhatAKeyHasUsedOutlivesAReload) {
    ClientKey key{.name = "ci"};
    key.limits.concurrent = 1;
    const auto text = issue(key);
    Clients clients(settings_, keys_);
    const auto peer = boost::asio::ip::make_address(peer_);
    const auto ask_now = [&] {
        return clients.identify({peer, "", Secret("Bearer " + text), headers_}, now);
    };
    const auto before = ask_now();
    ASSERT_TRUE(before);
    const auto place = ClientUse::enter(before->use, TimePoint{});
    clients.replace(settings_, keys_);
    ASSERT_TRUE(ask_now());
    EXPECT_FALSE(ClientUse::enter(ask_now()->use, TimePoint{}));
    const auto listed = clients.list();
    ASSERT_EQ(listed.size(), 1u);
    EXPECT_EQ(listed[0].key, keys_[0]);
    EXPECT_EQ(listed[0].last_used, now);
    clients.replace(settings_, {});
    EXPECT_FALSE(ask_now()) << "revoked";
}

}  // namespace
}  // namespace hubkeep
