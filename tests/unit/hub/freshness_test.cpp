// When nobody has to be asked, and what the answer says about it.

#include "server/hub/freshness.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

using std::chrono::seconds;

TEST(Freshness, WithinTtl) {
    EXPECT_TRUE(is_fresh(1000, 1000, seconds(60)));
    EXPECT_TRUE(is_fresh(1000, 1059, seconds(60)));
    EXPECT_FALSE(is_fresh(1000, 1060, seconds(60)));
    EXPECT_FALSE(is_fresh(1000, 1000, seconds(0)));
    EXPECT_FALSE(is_fresh(1000, 999, seconds(60)));  // the clock was set back
    EXPECT_FALSE(is_fresh(0, 1'700'000'000, seconds(60)));
}

TEST(Freshness, CacheStatus) {
    EXPECT_EQ(cache_status(Verdict::hit), "hubkeep; hit");
    EXPECT_EQ(cache_status(Verdict::hit, seconds(42)), "hubkeep; hit; ttl=42");
    EXPECT_EQ(cache_status(Verdict::stale, seconds(-30), "Hub \"down\" \\"),
              "hubkeep; hit; ttl=-30; detail=\"Hub \\\"down\\\" \\\\\"");
    EXPECT_EQ(cache_status(Verdict::miss), "hubkeep; fwd=miss; stored");
    EXPECT_EQ(cache_status(Verdict::joined), "hubkeep; fwd=miss; collapsed");
    EXPECT_EQ(cache_status(Verdict::revalidated, seconds(60)), "hubkeep; fwd=stale; ttl=60");
    EXPECT_EQ(cache_status(Verdict::bypass, {}, "a\r\nb"), "hubkeep; fwd=bypass; detail=\"a b\"");
}

TEST(Freshness, VerdictsHaveNames) {
    EXPECT_EQ(name_of(Verdict::hit), "hit");
    EXPECT_EQ(name_of(Verdict::miss), "miss");
    EXPECT_EQ(name_of(Verdict::joined), "joined");
    EXPECT_EQ(name_of(Verdict::stale), "stale");
    EXPECT_EQ(name_of(Verdict::revalidated), "revalidated");
    EXPECT_EQ(name_of(Verdict::bypass), "bypass");
}

TEST(Freshness, StaleWarningHasATopic) {
    EXPECT_EQ(stale_warning("the Hub is unreachable;\r\n this may be old"),
              "hubkeep; the Hub is unreachable; this may be old");
}

}  // namespace
}  // namespace hubkeep
