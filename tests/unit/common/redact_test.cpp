#include "common/redact.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

const std::string token = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz01234567";

TEST(Redact, HidesTokensWhereverTheyStand) {
    EXPECT_EQ(redact(token), "***");
    EXPECT_EQ(redact(token + token), "******");
    EXPECT_EQ(redact("no such repo " + token + "/x"), "no such repo ***/x");
    EXPECT_EQ(redact("x%3D" + token + "," + token + "."), "x%3D***,***.");
    EXPECT_EQ(redact("HF_ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "***");
    EXPECT_EQ(redact("api_org_abcdefghijklmnopqrstuvwxyz"), "***");
    EXPECT_EQ(redact("t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.Sig-_x end"), "t *** end");
}

TEST(Redact, LeavesNamesThatOnlyBeginLikeTokens) {
    for (const std::string_view text :
         {"hf_hub_download", "hf_cache/hf_0123456789abcdefghi", "org/hf_", "hf", "eyJ",
          "eyJhbGciOiJI.", "api_org_", "a sentence. With: signs; and more", ""}) {
        EXPECT_EQ(redact(text), text);
        EXPECT_FALSE(redacted(text)) << text;
    }
}

TEST(Redact, HidesTheCredentialsOfASchemeNotItsName) {
    EXPECT_EQ(redact("Authorization: Bearer abc1"), "Authorization: Bearer ***");
    EXPECT_EQ(redact("bearer  " + token + " x"), "bearer  *** x");
    EXPECT_EQ(redact("BASIC dXNlcjpwYXNzd29yZA==\r\n"), "BASIC ***\r\n");
    EXPECT_EQ(redact("Bearer AbCdEfGhIjKlMnOpQr"), "Bearer ***");
}

TEST(Redact, LeavesSentencesThatSpeakOfASchemeAlone) {
    for (const std::string_view text :
         {"Basic information is needed", "a Bearer token", "Bearer", "Basic ", "a forbearer 1",
          R"(Bearer realm="Authentication required", charset="UTF-8")"}) {
        EXPECT_EQ(redact(text), text);
    }
}

TEST(Redact, HidesTheValuesOfQueryKeysThatAreSecret) {
    EXPECT_EQ(redact("/a/b"), "/a/b");
    EXPECT_EQ(redact("/a?recursive=true&limit=5&author=google"),
              "/a?recursive=true&limit=5&author=google");
    EXPECT_EQ(redact("/a?token=hf_x&limit=5"), "/a?token=***&limit=5");
    EXPECT_EQ(redact("https://cdn/x?X-Amz-Signature=1&X-Amz-Date=2&X-Amz-Security-Token=3"),
              "https://cdn/x?X-Amz-Signature=***&X-Amz-Date=***&X-Amz-Security-Token=***");
    EXPECT_EQ(redact("/a?Policy=p&Key-Pair-Id=k&Signature=s&Expires=1"),
              "/a?Policy=***&Key-Pair-Id=***&Signature=***&Expires=1");
    EXPECT_EQ(redact("/a?client_secret=1&AUTHorization=2&key=3&access_token=4&sig=5"),
              "/a?client_secret=***&AUTHorization=***&key=***&access_token=***&sig=***");
    EXPECT_EQ(redact(R"(GET "http://h/a?sig=abc" failed)"), R"(GET "http://h/a?sig=***" failed)");
    EXPECT_EQ(redact("/a?token"), "/a?token");
    EXPECT_EQ(redact("/a?token="), "/a?token=");
    EXPECT_EQ(redact("/a?"), "/a?");
}

TEST(Redact, AKeyEndsWhereTheNextMayBegin) {
    EXPECT_EQ(redact("/a?x?token=1"), "/a?x?token=***");
    EXPECT_EQ(redact("/a?x=1?token=2"), "/a?x=1?token=***");
    EXPECT_EQ(redact("/a?token=1?x=2&y=3"), "/a?token=***&y=3");
    EXPECT_EQ(redact("/a?token==&y=3"), "/a?token=***&y=3");
}

TEST(Redact, AJwtIsHiddenBehindAnyPrefix) {
    const std::string jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.Sig-_x";
    EXPECT_EQ(redact("hf_oauth_" + jwt), "hf_oauth_***");
    EXPECT_EQ(redact("jwt%3D" + jwt), "jwt%3D***");
    EXPECT_EQ(redact("eyJ0aGVmaXJzdGlzbm9uZQ " + jwt + " x"), "eyJ0aGVmaXJzdGlzbm9uZQ *** x");
}

// Read once for each place where a secret may begin, each of these would take hours.
TEST(Redact, IsLinearInHostileText) {
    constexpr std::size_t size = 1024 * 1024;
    for (const std::string_view part :
         {"?", "&", "?a", "?a=", "?=", "eyJ", "eyJ.", "hf_", "bearer ", "bearer  ", "http://", ":",
          "://", "?token", "api_org_"}) {
        std::string text;
        while (text.size() < size) text += part;
        EXPECT_EQ(redact(text), text) << part;
        EXPECT_EQ(redact(text + ' ' + token), text + " ***") << part;
    }
    const std::string key = "?" + std::string(size, 'a');
    EXPECT_EQ(redact(key + "=1"), key + "=1");
}

TEST(Redact, HidesTheLoginInAUrl) {
    EXPECT_EQ(redact("http://user:pass@proxy:3128 failed"), "http://***@proxy:3128 failed");
    EXPECT_EQ(redact("https://tok@host/x@y"), "https://***@host/x@y");
    EXPECT_EQ(redact("http://h/a@b and c@d"), "http://h/a@b and c@d");
    EXPECT_EQ(redact("http://h:80?x=@"), "http://h:80?x=@");
}

TEST(Redact, KnowsTheFieldsThatAreSecretsAsAWhole) {
    EXPECT_TRUE(is_secret_field("Authorization"));
    EXPECT_TRUE(is_secret_field("x-xet-access-token"));
    EXPECT_TRUE(is_secret_field("SET-COOKIE"));
    EXPECT_FALSE(is_secret_field("Location"));
    EXPECT_FALSE(is_secret_field("Authorizatio"));
    EXPECT_FALSE(is_secret_field(""));
}

}  // namespace
}  // namespace hubkeep
