// Whose token it is, from what the Hub tells.

#include "server/hub/account.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

TEST(Account, OfAUsersToken) {
    const auto account = parse_account(R"({"type":"user","id":"1","name":"ml-team","isPro":true,
        "orgs":[{"name":"org"}],"auth":{"type":"access_token","accessToken":{"displayName":"cache",
        "role":"read","createdAt":"2026-01-01T00:00:00.000Z"}}})");
    ASSERT_TRUE(account);
    EXPECT_EQ(account->name, "ml-team");
    EXPECT_EQ(account->token_name, "cache");
    EXPECT_EQ(account->role, "read");
    EXPECT_EQ(account->plan, "pro");
    EXPECT_EQ(account->created_at, "2026-01-01T00:00:00.000Z");
    EXPECT_EQ(account->expires_at, "");
}

TEST(Account, ExpiryStandsInTwoPlaces) {
    EXPECT_EQ(parse_account(R"({"name":"a","auth":{"expiresAt":"2027"}})")->expires_at, "2027");
    EXPECT_EQ(
        parse_account(R"({"name":"a","auth":{"accessToken":{"expiresAt":"2027"}}})")->expires_at,
        "2027");
}

TEST(Account, WhatTheHubDoesNotSayIsEmptyAndNothingReachesATerminal) {
    const auto account = parse_account(
        R"({"name":"a\u001b[31m","plan":"team","isPro":true,"auth":{"accessToken":7}})");
    ASSERT_TRUE(account);
    EXPECT_EQ(account->name, "a?[31m");
    EXPECT_EQ(account->plan, "team");
    EXPECT_EQ(account->role, "");
    for (const auto* wrong :
         {"", "[]", "{}", R"({"name":7})", R"({"name":""})", "{\"name\":\"a\""}) {
        EXPECT_FALSE(parse_account(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace hubkeep
