// Times of use: kept in memory within a bound, handed out once, in the order of the rows.

#include "server/store/use_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace hubkeep {
namespace {

Digest digest(int number) {
    return digest_of(DigestKind::sha256, std::to_string(number));
}

TEST(UseTable, TimesOfUseAreHandedOutOnceInTheOrderOfDigests) {
    UseTable uses;
    for (int i = 0; i < 100; ++i) uses.touch(digest(i), i);
    uses.touch(digest(7), 500);
    const auto taken = uses.take_touched();
    ASSERT_EQ(taken.size(), 100u);
    EXPECT_TRUE(std::ranges::is_sorted(taken));
    EXPECT_NE(std::ranges::find(taken, std::pair(digest(7), std::int64_t{500})), taken.end());
    EXPECT_TRUE(uses.take_touched().empty());
}

TEST(UseTable, ItTellsInTimeThatItFillsUpAndNeverGrowsBeyond) {
    UseTable uses;
    constexpr int few = 1'000;
    constexpr int many = 100'000;
    for (int i = 0; i < few; ++i) uses.touch(digest(i), i);
    EXPECT_FALSE(uses.is_filling_up());
    int told_at = 0;
    for (int i = few; i < many; ++i) {
        uses.touch(digest(i), i);
        if (told_at == 0 && uses.is_filling_up()) told_at = i;
    }
    const auto kept = uses.take_touched().size();
    EXPECT_GT(told_at, few);
    EXPECT_LT(static_cast<std::size_t>(told_at), kept * 2 / 3) << "when none was lost yet";
    EXPECT_LT(kept, 20'000u);
    EXPECT_FALSE(uses.is_filling_up());
}

}  // namespace
}  // namespace hubkeep
