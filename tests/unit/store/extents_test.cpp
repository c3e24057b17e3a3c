// Extents against a plain array of bytes, and the text that the index keeps.

#include "server/store/extents.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace hubkeep {
namespace {

Extents of(std::initializer_list<ByteRange> ranges) {
    Extents out;
    for (const auto& range : ranges) out.add(range);
    return out;
}

TEST(Extents, MergesWhatOverlapsOrTouches) {
    EXPECT_EQ(of({{0, 10}, {10, 20}}).encode(), "0-20");
    EXPECT_EQ(of({{10, 20}, {0, 10}}).encode(), "0-20");
    EXPECT_EQ(of({{0, 10}, {20, 30}, {5, 25}}).encode(), "0-30");
    EXPECT_EQ(of({{0, 100}, {20, 30}}).encode(), "0-100");
    EXPECT_EQ(of({{20, 30}, {0, 100}}).encode(), "0-100");
    EXPECT_EQ(of({{5, 5}}).encode(), "");
}

TEST(Extents, KeepsTheLongest) {
    const auto extents = of({{0, 5}, {10, 30}, {40, 43}, {50, 60}});
    EXPECT_EQ(extents.longest(2).encode(), "10-30,50-60");
    EXPECT_EQ(extents.longest(2).total(), 30u);
    EXPECT_EQ(extents.longest(4), extents);
    EXPECT_TRUE(extents.longest(0).empty());
}

TEST(Extents, KnowsWhatIsThereAndWhatIsNot) {
    const auto extents = of({{10, 20}, {30, 40}});
    EXPECT_EQ(extents.missing_in({0, 50}), 30u);
    EXPECT_EQ(extents.missing_in({15, 35}), 10u);
    EXPECT_EQ(extents.missing_in({12, 18}), 0u);
    EXPECT_EQ(extents.total(), 20u);
    EXPECT_EQ(extents.end(), 40u);
    EXPECT_EQ(extents.present_until(9), 9u);
    EXPECT_EQ(extents.present_until(10), 20u);
    EXPECT_EQ(extents.present_until(20), 20u);
    EXPECT_EQ(extents.present_since(9), 9u);
    EXPECT_EQ(extents.present_since(10), 10u);
    EXPECT_EQ(extents.present_since(20), 10u);
    EXPECT_EQ(extents.present_since(21), 21u);
    EXPECT_EQ(extents.present_since(35), 30u);
    EXPECT_TRUE(extents.contains({12, 20}));
    EXPECT_TRUE(extents.contains({25, 25}));
    EXPECT_FALSE(extents.contains({12, 21}));
    EXPECT_EQ(extents.first_gap({0, 50}), (ByteRange{0, 10}));
    EXPECT_EQ(extents.first_gap({10, 50}), (ByteRange{20, 30}));
    EXPECT_EQ(extents.first_gap({30, 50}), (ByteRange{40, 50}));
    EXPECT_EQ(extents.first_gap({31, 39}), std::nullopt);
    EXPECT_EQ(Extents().first_gap({0, 7}), (ByteRange{0, 7}));
    EXPECT_EQ(Extents().end(), 0u);
}

TEST(Extents, AgreesWithAnArrayOfBytes) {
    constexpr std::uint64_t size = 64;
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        Extents extents;
        std::vector<bool> bytes(size, false);
        for (int step = 0; step < 12; ++step) {
            const std::uint64_t begin = random() % size;
            const std::uint64_t end = begin + random() % (size - begin);
            extents.add({begin, end});
            for (auto i = begin; i < end; ++i) bytes[i] = true;
            std::uint64_t total = 0;
            for (std::uint64_t at = 0; at < size; ++at) {
                total += bytes[at];
                std::uint64_t until = at;
                while (until < size && bytes[until]) ++until;
                ASSERT_EQ(extents.present_until(at), until);
                const auto gap = extents.first_gap({at, size});
                std::uint64_t gap_begin = until;
                std::uint64_t gap_end = gap_begin;
                while (gap_end < size && !bytes[gap_end]) ++gap_end;
                if (gap_begin == size) ASSERT_FALSE(gap);
                else ASSERT_EQ(gap, (ByteRange{gap_begin, gap_end}));
            }
            ASSERT_EQ(extents.total(), total);
            ASSERT_EQ(Extents::decode(extents.encode()), extents);
        }
    }
}

TEST(Extents, TextOfAnyOtherFormIsRefused) {
    EXPECT_EQ(Extents::decode(""), Extents());
    EXPECT_EQ(Extents::decode("0-18446744073709551615")->end(), UINT64_MAX);
    for (const char* const text :
         {"0", "0-", "-5", "5-5", "9-5", "0-5,", ",0-5", "0-5,5-9", "0-5,3-9", "8-9,0-5", "0-5;7-9",
          " 0-5", "0-5 ", "0-5,,7-9", "0-18446744073709551616", "a-b", "0x0-0x5", "+0-5", "0--5"}) {
        EXPECT_EQ(Extents::decode(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace hubkeep
