#include "config/client_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace hubkeep {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t now = 1'700'000'000;  // 2023-11-14T22:13:20Z

TEST(ClientWords, AnExpiryIsATimeFromNowOrADay) {
    EXPECT_EQ(*parse_expiry("90d", now), now + 90 * 86400);
    EXPECT_EQ(*parse_expiry("12h", now), now + 12 * 3600);
    EXPECT_EQ(time_text(*parse_expiry("2024-02-29", now)), "2024-02-29T23:59:59Z");
    EXPECT_EQ(time_text(*parse_expiry("2023-11-14", now)), "2023-11-14T23:59:59Z") << "today";
    for (const auto* text : {"", "90", "soon", "2023-11-13", "2024-02-30", "2024-13-01", "0",
                             "500ms", "24-02-28", "2024/02/28", "-5d", "2024-2-028"}) {
        EXPECT_FALSE(parse_expiry(text, now)) << text;
    }
    EXPECT_THAT(parse_expiry("2020-01-01", now).error().message, HasSubstr("not in the future"));
    EXPECT_THAT(parse_expiry("soon", now).error().message, HasSubstr("such as 90d"));
}

TEST(ClientWords, TheLastTimeOfAKeyHasAText) {
    EXPECT_EQ(*parse_expiry("9999-12-31", now), max_client_time);
    EXPECT_EQ(time_text(max_client_time), "9999-12-31T23:59:59Z");
}

TEST(ClientWords, AReportTellsEverythingButTheKey) {
    ClientKey key;
    key.name = "ci";
    key.team = "ml";
    key.digest = digest_of(DigestKind::sha256, "key");
    key.created = now - 10;
    key.expires = now;
    key.repos = {"our-org/*"};
    key.limits = {8, 600};
    const auto document = boost::json::parse(to_json({{key, now - 5}, {ClientKey{}, 0}}, now));
    const auto& clients = document.as_object().at("clients").as_array();
    ASSERT_EQ(clients.size(), 2u);
    EXPECT_EQ(clients[0], boost::json::parse(R"({"name": "ci", "team": "ml",
        "fingerprint": "2c70e12b", "created": "2023-11-14T22:13:10Z",
        "expires": "2023-11-14T22:13:20Z", "expired": true, "last_used": "2023-11-14T22:13:15Z",
        "repos": ["our-org/*"], "limits": {"concurrent": 8, "per_minute": 600}})"));
    EXPECT_EQ(clients[1].at("expires"), nullptr);
    EXPECT_EQ(clients[1].at("last_used"), nullptr);
    EXPECT_EQ(clients[1].at("expired"), false);
}

}  // namespace
}  // namespace hubkeep
