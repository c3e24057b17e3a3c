// Where the Hub led to: for whom, for how long, and how many.

#include "server/proxy/leads.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hubkeep {
namespace {

constexpr std::int64_t now = 1'800'000'000;

Url signed_until(std::int64_t second) {
    return {{true, "cdn.example", 443}, fmt::format("/blob?Expires={}&Signature=s", second)};
}

class LeadsTest : public ::testing::Test {
  protected:
    bool knows(const std::string& target, const Credential& credential, std::int64_t at) {
        return leads_.find(target, credential, at).has_value();
    }

    Leads leads_;
    const Credential nobody_;
    const Credential one_{Credential::Kind::client, Secret("hf_one")};
    const Credential other_{Credential::Kind::client, Secret("hf_other")};
};

TEST_F(LeadsTest, IsForTheCredentialThatWasLed) {
    leads_.learn("/a", one_, signed_until(now + 3600), now);
    EXPECT_TRUE(knows("/a", one_, now));
    EXPECT_FALSE(knows("/a", other_, now));
    EXPECT_FALSE(knows("/a", nobody_, now));
    EXPECT_FALSE(knows("/b", one_, now));
    EXPECT_EQ(leads_.find("/a", one_, now)->origin.host, "cdn.example");
}

TEST_F(LeadsTest, EndsBeforeItsSignatureDoes) {
    leads_.learn("/a", one_, signed_until(now + 100), now);
    EXPECT_TRUE(knows("/a", one_, now + 69));
    EXPECT_FALSE(knows("/a", one_, now + 70));
    leads_.learn("/b", one_, signed_until(now + 30), now);
    EXPECT_FALSE(knows("/b", one_, now));
}

TEST_F(LeadsTest, EndsAfterFiveMinutesAndWithoutASignatureAfterOne) {
    leads_.learn("/a", one_, signed_until(now + 86400), now);
    EXPECT_TRUE(knows("/a", one_, now + 299));
    EXPECT_FALSE(knows("/a", one_, now + 300));
    leads_.learn("/b", one_, {{true, "cdn.example", 443}, "/blob"}, now);
    EXPECT_TRUE(knows("/b", one_, now + 59));
    EXPECT_FALSE(knows("/b", one_, now + 60));
}

TEST_F(LeadsTest, TheLatestCountsAndWhatFailedIsForgotten) {
    leads_.learn("/a", one_, signed_until(now + 100), now);
    leads_.learn("/a", one_, signed_until(now + 200), now);
    EXPECT_TRUE(knows("/a", one_, now + 150));
    leads_.forget("/a", one_);
    EXPECT_FALSE(knows("/a", one_, now));
}

TEST_F(LeadsTest, OneAsksAnewWhileTheOthersGoOn) {
    leads_.learn("/a", one_, signed_until(now + 100), now);
    for (const auto second : {70, 80}) {
        EXPECT_FALSE(knows("/a", one_, now + second));
        EXPECT_TRUE(knows("/a", one_, now + second));
        EXPECT_TRUE(knows("/a", one_, now + second + 9));
    }
    EXPECT_FALSE(knows("/a", one_, now + 90));
    EXPECT_FALSE(knows("/a", one_, now + 90));
    leads_.learn("/a", one_, signed_until(now + 200), now + 90);
    EXPECT_TRUE(knows("/a", one_, now + 91));
}

TEST_F(LeadsTest, IsTheLastResortUntilShortlyBeforeItsSignatureEnds) {
    leads_.learn("/a", one_, signed_until(now + 3600), now);
    EXPECT_FALSE(knows("/a", one_, now + 300));
    EXPECT_TRUE(leads_.last_resort("/a", one_, now + 3589));
    EXPECT_FALSE(leads_.last_resort("/a", one_, now + 3590));
    EXPECT_FALSE(leads_.last_resort("/a", other_, now));
    leads_.learn("/b", one_, {{true, "cdn.example", 443}, "/blob"}, now);
    EXPECT_TRUE(leads_.last_resort("/b", one_, now + 69));
    EXPECT_FALSE(leads_.last_resort("/b", one_, now + 70));
    leads_.forget("/a", one_);
    EXPECT_FALSE(leads_.last_resort("/a", one_, now));
}

TEST_F(LeadsTest, WhatFailedDoesNotTakeANewerOneAlong) {
    leads_.learn("/a", one_, signed_until(now + 100), now);
    leads_.learn("/a", one_, signed_until(now + 200), now);
    leads_.forget("/a", one_, signed_until(now + 100));
    EXPECT_TRUE(knows("/a", one_, now));
    leads_.forget("/a", one_, signed_until(now + 200));
    EXPECT_FALSE(knows("/a", one_, now));
}

TEST_F(LeadsTest, IsBoundedAndTheOneThatEndsFirstMakesRoom) {
    leads_.learn("/first", nobody_, signed_until(now + 100), now);
    for (std::size_t i = 0; i < Leads::max_leads; ++i) {
        leads_.learn(fmt::format("/{}", i), nobody_, signed_until(now + 200), now);
    }
    EXPECT_EQ(leads_.size(), Leads::max_leads);
    EXPECT_FALSE(knows("/first", nobody_, now));
    EXPECT_TRUE(knows("/0", nobody_, now));
    leads_.learn("/later", nobody_, signed_until(now + 500), now + 190);
    EXPECT_EQ(leads_.size(), 1U);
}

}  // namespace
}  // namespace hubkeep
