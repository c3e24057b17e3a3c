// PartReaders: who ends up with a whole file, and who reads a part of it.

#include "server/proxy/part_readers.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

constexpr std::int64_t started = 1000;
constexpr auto step = PartReaders::step_bytes;
constexpr auto size = 4 * step;
const Digest blob = digest_of(DigestKind::sha256, "a file");
const PartReader one{"one", started};
const PartReader other{"other", started + 5};

TEST(PartReaders, WhoAskedForEverythingEndsUpWithTheWhole) {
    PartReaders readers(started);
    EXPECT_FALSE(readers.has_asked_for_all(one, blob, size, true));
    readers.asks(one, blob, {0, 2 * step + 1});
    readers.asks(one, blob, {step, 3 * step});
    EXPECT_FALSE(readers.has_asked_for_all(one, blob, size, true));
    readers.asks(one, blob, {3 * step + 7, size - 7});
    EXPECT_TRUE(readers.has_asked_for_all(one, blob, size, true));
}

TEST(PartReaders, WhatOneAsksIsNoneOfTheOthersNorOfOtherFiles) {
    PartReaders readers(started);
    readers.asks(one, blob, {0, size});
    EXPECT_FALSE(readers.has_asked_for_all(other, blob, size, true));
    EXPECT_FALSE(
        readers.has_asked_for_all(one, digest_of(DigestKind::sha256, "another"), size, true));
}

TEST(PartReaders, OfReadersFromBeforeTheStartEverythingIsAssumed) {
    PartReaders readers(started);
    EXPECT_TRUE(readers.has_asked_for_all({"one", started - 1}, blob, size, true));
    EXPECT_FALSE(readers.has_asked_for_all({"one", started - 1}, blob, size, false));
}

TEST(PartReaders, NobodyGoesOnWithWhatWasFoundWrong) {
    PartReaders readers(started);
    const WrongBytes::Finding once{1, started + 1};
    const WrongBytes::Finding twice{2, started + 9};
    EXPECT_TRUE(readers.may_plan(one, blob, 0, {}));
    EXPECT_TRUE(readers.may_plan(one, blob, step, {}));
    EXPECT_FALSE(readers.may_plan(one, blob, step, once));
    EXPECT_TRUE(readers.may_plan(one, blob, 0, once)) << "who begins anew has nothing of it";
    EXPECT_TRUE(readers.may_plan(one, blob, step, once));
    EXPECT_FALSE(readers.may_plan(one, blob, step, twice));
}

TEST(PartReaders, OfThoseWhoAreNotKnownTheirTimeDecides) {
    PartReaders readers(started);
    const WrongBytes::Finding wrong{1, started + 3};
    EXPECT_FALSE(readers.may_plan(one, blob, step, wrong));
    EXPECT_TRUE(readers.may_plan(other, blob, step, wrong)) << "it came later";
}

TEST(PartReaders, WhoBeginsAnewHasAskedForNothing) {
    PartReaders readers(started);
    EXPECT_TRUE(readers.may_plan(one, blob, 0, {}));
    readers.asks(one, blob, {0, size});
    EXPECT_TRUE(readers.may_plan(one, blob, 0, {1, started + 1}));
    EXPECT_FALSE(readers.has_asked_for_all(one, blob, size, true));
}

TEST(PartReaders, CountTogetherWhatAReaderCauses) {
    PartReaders readers(started);
    const auto counter = readers.asks(one, blob, {0, 10});
    counter->fetch_add(7);
    EXPECT_EQ(readers.asks(one, blob, {10, 20}), counter);
    EXPECT_NE(readers.asks(other, blob, {0, 10}), counter);
}

TEST(PartReaders, ForgetWhoReadLongestAgo) {
    PartReaders readers(started);
    readers.asks(one, blob, {0, size});
    for (std::size_t i = 0; i < PartReaders::max_remembered; ++i) {
        readers.asks({std::to_string(i), started}, blob, {0, 1});
    }
    EXPECT_FALSE(readers.has_asked_for_all(one, blob, size, true));
}

}  // namespace
}  // namespace hubkeep
