#include "server/proxy/breaker.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

TEST(Breaker, OneFailureChangesNothing) {
    Breaker breaker;
    const TimePoint now{};
    breaker.failure(now, "refused");
    EXPECT_TRUE(breaker.allow(now));
    breaker.success();
    breaker.failure(now, "refused");
    EXPECT_TRUE(breaker.allow(now));
}

TEST(Breaker, TwoFailuresOpenItAndOneProbeClosesIt) {
    Breaker breaker;
    TimePoint now{};
    breaker.failure(now, "refused");
    breaker.failure(now, "refused http://u:p@h again");
    EXPECT_EQ(breaker.state(), Breaker::State::open);
    EXPECT_EQ(breaker.cause(), "refused http://***@h again") << "it is shown to people";
    EXPECT_FALSE(breaker.would_allow(now + seconds(1)));
    EXPECT_FALSE(breaker.allow(now + seconds(1)));
    now += seconds(2);
    EXPECT_TRUE(breaker.would_allow(now)) << "looking takes no turn";
    EXPECT_TRUE(breaker.allow(now));
    EXPECT_FALSE(breaker.would_allow(now)) << "a second probe at once";
    EXPECT_FALSE(breaker.allow(now));
    breaker.success();
    EXPECT_TRUE(breaker.would_allow(now));
    EXPECT_TRUE(breaker.allow(now));
    EXPECT_EQ(breaker.cause(), "");
}

TEST(Breaker, PausesGrowUpToHalfAMinute) {
    Breaker breaker;
    TimePoint now{};
    breaker.failure(now, "x");
    breaker.failure(now, "x");
    for (const int expected : {2, 4, 8, 16, 30, 30}) {
        EXPECT_FALSE(breaker.allow(now + seconds(expected) - milliseconds(1))) << expected;
        now += seconds(expected);
        EXPECT_TRUE(breaker.allow(now)) << expected;
        breaker.failure(now, "x");
    }
}

TEST(Breaker, AProbeThatEndsWithoutVerdictLetsTheNextOneTry) {
    Breaker breaker;
    TimePoint now{};
    breaker.failure(now, "x");
    breaker.failure(now, "x");
    now += seconds(2);
    EXPECT_TRUE(breaker.allow(now));
    breaker.unknown();
    EXPECT_TRUE(breaker.allow(now));
}

}  // namespace
}  // namespace hubkeep
