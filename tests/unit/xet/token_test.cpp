// XetTokens: only what was signed here is read, as long as it lasts.

#include "server/xet/token.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

constexpr std::int64_t now = 1'800'000'000;

XetClaims claims() {
    return {.repo = {RepoKind::dataset, "org/data"},
            .commit = std::string(40, 'c'),
            .by = Visitor::By::header,
            .key = "fedcba9876543210",
            .name = "somebody: \"Zoë\"",
            .hub_token = "0123456789abcdef",
            .from_web_page = true,
            .file = std::string(56, 'f'),
            .reader = "0123",
            .issued = now - 1,
            .expires = now + 100};
}

TEST(XetTokens, TellWhatWasClaimed) {
    const XetTokens tokens(Secret("key"));
    const auto token = tokens.issue(claims());
    EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-_."),
              std::string::npos);
    const auto read = tokens.read(token, now);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, claims());
}

TEST(XetTokens, OutliveARestartAndNoOtherKey) {
    const auto token = XetTokens(Secret("key")).issue(claims());
    EXPECT_TRUE(XetTokens(Secret("key")).read(token, now));
    EXPECT_EQ(XetTokens(Secret("another")).read(token, now).error(), XetTokens::Flaw::foreign);
}

TEST(XetTokens, AreTakenForAWhileAfterTheirTime) {
    const XetTokens tokens(Secret("key"));
    const auto token = tokens.issue(claims());
    const auto end = claims().expires + XetTokens::grace_seconds;
    EXPECT_TRUE(tokens.read(token, end - 1));
    EXPECT_EQ(tokens.read(token, end).error(), XetTokens::Flaw::expired);
}

TEST(XetTokens, EveryChangedCharacterMakesThemForeign) {
    const XetTokens tokens(Secret("key"));
    const auto token = tokens.issue(claims());
    for (std::size_t at = 0; at < token.size(); ++at) {
        auto changed = token;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(tokens.read(changed, now)) << at;
        EXPECT_FALSE(tokens.read(token.substr(0, at), now)) << at;
    }
    EXPECT_FALSE(tokens.read(token + "A", now));
    EXPECT_FALSE(tokens.read(token + '=', now));
    EXPECT_FALSE(tokens.read(std::string(100'000, '.'), now));
}

}  // namespace
}  // namespace hubkeep
