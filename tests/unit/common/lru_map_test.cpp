// What is kept in memory: bounded, the latest uses stay, and changes are heard of.

#include "common/lru_map.hpp"

#include <gtest/gtest.h>

#include "common/changes.hpp"

namespace hubkeep {
namespace {

TEST(LruMap, ForgetsWhatWasNotUsedForLongest) {
    LruMap<int> map(30);
    map.put("a", 1, 10);
    map.put("b", 2, 10);
    map.put("c", 3, 10);
    ASSERT_NE(map.find("a"), nullptr);
    map.put("d", 4, 10);
    EXPECT_EQ(map.find("b"), nullptr);
    for (const char* key : {"a", "c", "d"}) EXPECT_NE(map.find(key), nullptr) << key;
    map.put("e", 5, 20);
    EXPECT_EQ(map.size(), 2u);
    EXPECT_EQ(map.cost(), 30u);
    EXPECT_EQ(*map.find("d"), 4);
}

TEST(LruMap, CountsWhatIsReplacedOnce) {
    LruMap<int> map(30);
    map.put("a", 1, 10);
    map.put("a", 2, 25);
    EXPECT_EQ(map.cost(), 25u);
    EXPECT_EQ(*map.find("a"), 2);
    map.erase("a");
    map.erase("a");
    EXPECT_EQ(map.cost(), 0u);
    EXPECT_EQ(map.size(), 0u);
}

TEST(LruMap, WhatCostsMoreThanItsLimitIsNotKept) {
    LruMap<int> map(30);
    map.put("a", 1, 10);
    map.put("b", 2, 31);
    EXPECT_EQ(map.find("b"), nullptr);
    EXPECT_NE(map.find("a"), nullptr);
    map.put("a", 3, 31);
    EXPECT_EQ(map.find("a"), nullptr);
    LruMap<int> none(0);
    none.put("a", 1, 1);
    EXPECT_EQ(none.size(), 0u);
}

TEST(Changes, AMarkHoldsUntilSomethingIsAnnounced) {
    Changes changes;
    EXPECT_FALSE(Changes::Mark().holds());
    const auto one = changes.mark(1);
    const auto other = changes.mark(2);
    EXPECT_TRUE(one.holds());
    changes.announce(1);
    EXPECT_FALSE(one.holds());
    EXPECT_TRUE(other.holds());
    EXPECT_TRUE(changes.mark(1).holds());
    changes.announce_all();
    EXPECT_FALSE(other.holds());
}

}  // namespace
}  // namespace hubkeep
