#include "server/proxy/client_use.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

std::shared_ptr<ClientUse> use_with(ClientLimits limits) {
    return std::make_shared<ClientUse>(limits);
}

TEST(ClientUse, NobodyIsLimitedWithoutLimits) {
    const TimePoint now{};
    std::vector<ClientUse::Place> places;
    for (int i = 0; i < 1000; ++i) {
        auto place = ClientUse::enter(i % 2 == 0 ? nullptr : use_with({}), now);
        ASSERT_TRUE(place);
        places.push_back(std::move(*place));
    }
}

TEST(ClientUse, APlaceIsFreeAgainWhenTheAnswerIsOver) {
    const TimePoint now{};
    const auto use = use_with({.concurrent = 2});
    auto first = ClientUse::enter(use, now);
    {
        const auto second = ClientUse::enter(use, now);
        ASSERT_TRUE(first && second);
        const auto third = ClientUse::enter(use, now);
        ASSERT_FALSE(third);
        EXPECT_EQ(third.error().status, 429);
        EXPECT_EQ(third.error().retry_after_seconds, 1);
        EXPECT_EQ(third.error().limit, "proxy");
        EXPECT_NE(third.error().message.find("2 requests under way at once"), std::string::npos);
    }
    const auto after = ClientUse::enter(use, now);
    EXPECT_TRUE(after);
    EXPECT_FALSE(ClientUse::enter(use, now));
}

TEST(ClientUse, AMinuteHoldsSoManyAndTheyComeBackOneByOne) {
    TimePoint now{};
    const auto use = use_with({.per_minute = 30});
    for (int i = 0; i < 30; ++i) EXPECT_TRUE(ClientUse::enter(use, now)) << i;
    const auto over = ClientUse::enter(use, now);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().status, 429);
    EXPECT_EQ(over.error().retry_after_seconds, 2);
    EXPECT_EQ(over.error().limit_policy, "\"fixed window\";\"proxy\";q=30;w=60");
    now += seconds(1);
    EXPECT_FALSE(ClientUse::enter(use, now)) << "being refused costs nothing and gains nothing";
    now += seconds(1);
    EXPECT_TRUE(ClientUse::enter(use, now));
    EXPECT_FALSE(ClientUse::enter(use, now));
    now += seconds(3600);
    for (int i = 0; i < 30; ++i) EXPECT_TRUE(ClientUse::enter(use, now)) << i;
    EXPECT_FALSE(ClientUse::enter(use, now)) << "more than a minute's worth is not saved up";
}

TEST(ClientUse, NewLimitsCountAtOnceAndKeepWhatIsUnderWay) {
    const TimePoint now{};
    const auto use = use_with({});
    auto first = ClientUse::enter(use, now);
    ASSERT_TRUE(first);
    use->replace({.concurrent = 1});
    EXPECT_FALSE(ClientUse::enter(use, now));
    use->replace({.concurrent = 2, .per_minute = 1});
    EXPECT_TRUE(ClientUse::enter(use, now));
    EXPECT_FALSE(ClientUse::enter(use, now));
}

}  // namespace
}  // namespace hubkeep
