// Who may read what is not public, in the words of the start and of doctor, and when that is
// anybody.

#include "config/exposure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hubkeep {
namespace {

using ::testing::HasSubstr;

TEST(Exposure, AnybodyIsWhoeverReachesASharedTokenFromElsewhereWithoutAKey) {
    Settings settings;
    settings.listen.host = "0.0.0.0";
    EXPECT_TRUE(is_exposed(settings, true));
    EXPECT_FALSE(is_exposed(settings, false));
    auto other = settings;
    for (const auto* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
        other.listen.host = host;
        EXPECT_FALSE(is_exposed(other, true)) << host;
    }
    other = settings;
    other.clients.anonymous = {"10.0.0.0/8"};
    EXPECT_FALSE(is_exposed(other, true));
    other.clients.anonymous = {"10.0.0.0/8", "::/0"};
    EXPECT_TRUE(is_exposed(other, true));
    for (const auto sharing : {Sharing::verify, Sharing::deny}) {
        other = settings;
        other.access.sharing = sharing;
        EXPECT_FALSE(is_exposed(other, true));
    }
}

TEST(Exposure, ASentenceSaysWhoItIs) {
    Settings settings;
    EXPECT_THAT(who_may_read(settings, false), HasSubstr("own tokens are passed"));
    EXPECT_THAT(who_may_read(settings, true), HasSubstr("every client that reaches"));
    settings.clients.anonymous = {"10.0.0.0/8"};
    EXPECT_THAT(who_may_read(settings, true), HasSubstr("with a key"));
    EXPECT_THAT(who_may_read(settings, true), HasSubstr("10.0.0.0/8"));
    settings.clients.anonymous = {};
    EXPECT_THAT(who_may_read(settings, true), HasSubstr("with a key"));
    settings.access.rules.emplace_back();
    EXPECT_THAT(who_may_read(settings, true), HasSubstr("1 access.rules"));
    settings.access.sharing = Sharing::verify;
    EXPECT_THAT(who_may_read(settings, true), HasSubstr("prove access"));
    settings.access.sharing = Sharing::deny;
    EXPECT_THAT(who_may_read(settings, true), HasSubstr("nobody"));
}

}  // namespace
}  // namespace hubkeep
