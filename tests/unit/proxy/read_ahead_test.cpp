// What a request for a part of a file fetches, and what a whole walk through a file costs.

#include "server/proxy/read_ahead.hpp"

#include <gtest/gtest.h>

#include <random>

#include "server/store/extents.hpp"

namespace hubkeep {
namespace {

constexpr std::uint64_t KiB = 1024;
constexpr std::uint64_t MiB = 1024 * KiB;
constexpr std::uint64_t GiB = 1024 * MiB;

TEST(BlocksAround, AreWholeAndAFewAtTheLeast) {
    EXPECT_EQ(blocks_around({0, 1}, GiB, 0, 0), (ByteRange{0, 64 * KiB}));
    EXPECT_EQ(blocks_around({100'000, 100'001}, GiB, 0, 0), (ByteRange{96 * KiB, 160 * KiB}));
    EXPECT_EQ(blocks_around({1, 64 * KiB + 1}, GiB, 0, 0), (ByteRange{0, 80 * KiB}));
    EXPECT_EQ(blocks_around({32 * KiB, 320 * KiB}, GiB, 0, 0), (ByteRange{32 * KiB, 320 * KiB}));
}

TEST(BlocksAround, AreAllOfASmallFile) {
    EXPECT_EQ(blocks_around({0, 10}, 100, 0, 0), (ByteRange{0, 100}));
    EXPECT_EQ(blocks_around({99 * KiB, 256 * KiB}, 256 * KiB, 0, 0), (ByteRange{0, 256 * KiB}));
    EXPECT_LT(blocks_around({0, 10}, 256 * KiB + 1, 0, 0).end, 256 * KiB);
}

TEST(BlocksAround, EndWithTheFileAndThenReachBack) {
    const auto size = GiB + 5;
    const auto footer = blocks_around({size - 8, size}, size, 0, 0);
    EXPECT_EQ(footer.end, size);
    EXPECT_LE(footer.begin, size - 64 * KiB);
    EXPECT_GE(footer.begin, size - 80 * KiB);
}

TEST(BlocksAround, ReachAheadAsFarAsTheReaderCame) {
    EXPECT_EQ(blocks_around({MiB, MiB + 64 * KiB}, GiB, MiB, 0).end, 2 * MiB + 64 * KiB);
    EXPECT_EQ(blocks_around({GiB, GiB + 64 * KiB}, 2 * GiB, GiB, 0).end, GiB + 8 * MiB + 64 * KiB);
    EXPECT_EQ(blocks_around({MiB, 11 * MiB}, GiB, MiB, 0).end, 11 * MiB);
}

TEST(BlocksAround, GrowWithTheNumberOfStretches) {
    const ByteRange byte{100 * MiB + 5, 100 * MiB + 6};
    EXPECT_EQ(blocks_around(byte, GiB, 0, 8 * 1024).size(), 64 * KiB);
    EXPECT_EQ(blocks_around(byte, GiB, 0, 16 * 1024).size(), 128 * KiB);
    EXPECT_EQ(blocks_around(byte, GiB, 0, 1'000'000'000).size(), 4 * MiB);
}

// Plays readers against the extents alone, as the daemon does it with a flight.
struct Play {
    Extents present;
    std::uint64_t fetched = 0;
    int requests = 0;

    void read(ByteRange wanted, std::uint64_t size) {
        if (present.contains(wanted)) return;
        const auto behind = wanted.begin - present.present_since(wanted.begin);
        const auto goal = blocks_around(wanted, size, behind, present.count());
        while (const auto gap = present.first_gap(goal)) {
            fetched += gap->size();
            ++requests;
            present.add(*gap);
        }
    }
};

TEST(BlocksAround, AWalkInBlocksCostsFewRequestsAndNothingTwice) {
    Play play;
    for (std::uint64_t at = 0; at < GiB; at += 100'000) {
        play.read({at, std::min(at + 100'000, GiB)}, GiB);
    }
    EXPECT_EQ(play.fetched, GiB);
    EXPECT_LE(play.requests, 140);
}

TEST(BlocksAround, RandomReadsCostLittleMoreThanTheyAsk) {
    Play play;
    Extents asked;
    std::mt19937_64 random(1);
    for (int n = 0; n < 1000; ++n) {
        const auto at = random() % (GiB - 64 * KiB);
        asked.add({at, at + 64 * KiB});
        play.read({at, at + 64 * KiB}, GiB);
    }
    EXPECT_LE(static_cast<double>(play.fetched), 1.4 * static_cast<double>(asked.total()));
}

}  // namespace
}  // namespace hubkeep
