// ConnectionCount against lines of several kinds, window by window.

#include "server/proxy/connection_count.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace hubkeep {
namespace {

constexpr double window_seconds = 0.15;
constexpr double MB = 1e6;

// Each connection may bring so much, and all together no more than the line.
struct Line {
    double each = 0;
    double all = 0;
    double held_up = 0;

    std::vector<std::size_t> play(ConnectionCount& count, int windows) const {
        std::vector<std::size_t> wanted;
        for (int n = 0; n < windows; ++n) {
            const auto connections = count.wanted();
            const double rate = std::min(each * static_cast<double>(connections), all);
            count.note({.seconds = window_seconds,
                        .bytes = static_cast<std::uint64_t>(rate * window_seconds),
                        .connections = connections,
                        .held_up = held_up});
            wanted.push_back(count.wanted());
        }
        return wanted;
    }
};

TEST(ConnectionCount, DoublesWhileEachBringsItsShare) {
    ConnectionCount count(16);
    const Line line{.each = 40 * MB, .all = 1e12};
    const auto wanted = line.play(count, 6);
    EXPECT_EQ(wanted, (std::vector<std::size_t>{2, 4, 8, 16, 16, 16}));
    EXPECT_LE(4 * window_seconds, 1.0) << "the limit is reached within a second";
}

TEST(ConnectionCount, StaysAtOneWhereMoreBringNothing) {
    ConnectionCount count(16);
    const Line line{.each = 100 * MB, .all = 100 * MB};
    const auto wanted = line.play(count, 200);
    EXPECT_LE(std::ranges::max(wanted), 2u);
    EXPECT_EQ(wanted[4], 1u);
    // It tries again, less and less often.
    EXPECT_LE(std::ranges::count(wanted, 2u), 20);
    EXPECT_GE(std::ranges::count(wanted, 2u), 8);
}

TEST(ConnectionCount, GoesBackToWhatWasEnough) {
    ConnectionCount count(16);
    const Line line{.each = 40 * MB, .all = 160 * MB};
    const auto wanted = line.play(count, 12);
    EXPECT_EQ(std::ranges::max(wanted), 8u);
    EXPECT_EQ(wanted.back(), 4u);
}

TEST(ConnectionCount, AsksForNoMoreWhereTheStoreIsSlower) {
    ConnectionCount count(16);
    const Line line{.each = 2000 * MB, .all = 1e12, .held_up = 0.8};
    EXPECT_EQ(std::ranges::max(line.play(count, 50)), 1u);
}

TEST(ConnectionCount, LearnsNothingFromALineThatStandsStill) {
    ConnectionCount count(16);
    const Line line{};
    EXPECT_EQ(std::ranges::max(line.play(count, 50)), 1u);
}

TEST(ConnectionCount, WaitsForConnectionsThatCannotBeHad) {
    ConnectionCount count(16);
    count.note({.seconds = window_seconds, .bytes = 1000, .connections = 1, .held_up = 0});
    ASSERT_EQ(count.wanted(), 2u);
    for (int n = 0; n < 50; ++n) {
        count.note({.seconds = window_seconds, .bytes = 1000, .connections = 1, .held_up = 0});
    }
    EXPECT_EQ(count.wanted(), 2u);
}

TEST(ConnectionCount, BacksOffForGood) {
    ConnectionCount count(16);
    const Line line{.each = 40 * MB, .all = 1e12};
    line.play(count, 3);
    ASSERT_EQ(count.wanted(), 8u);
    count.back_off(8);
    EXPECT_EQ(count.wanted(), 7u);
    EXPECT_EQ(std::ranges::max(line.play(count, 50)), 7u);
    count.only_one();
    EXPECT_EQ(std::ranges::max(line.play(count, 50)), 1u);
    count.back_off(1);
    EXPECT_EQ(count.wanted(), 1u);
}

TEST(ConnectionCount, BacksOffFromWhatRunsAndNotFromWhatWasWanted) {
    ConnectionCount count(16);
    const Line line{.each = 40 * MB, .all = 1e12};
    line.play(count, 4);
    ASSERT_EQ(count.wanted(), 16u);
    count.back_off(4);
    EXPECT_EQ(count.wanted(), 3u);
}

TEST(ConnectionCount, WhereThereIsNoRoomItStaysAndTriesLater) {
    ConnectionCount count(16);
    const Line line{.each = 40 * MB, .all = 1e12};
    line.play(count, 3);
    ASSERT_EQ(count.wanted(), 8u);
    count.cannot_have_more_than(5);
    EXPECT_EQ(count.wanted(), 5u);
    EXPECT_GT(std::ranges::max(line.play(count, 50)), 5u);
}

}  // namespace
}  // namespace hubkeep
