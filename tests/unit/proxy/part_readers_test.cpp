// PartReaders: who ends up with a whole file, and who reads a part of it.

#include "server/proxy/part_readers.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

constexpr std::int64_t started = 1000;
const Digest blob = digest_of(DigestKind::sha256, "a file");
const PartReader one{"one", started};
const PartReader other{"other", started + 5};

TEST(PartReaders, WhoAskedForEverythingEndsUpWithTheWhole) {
    PartReaders readers(started);
    EXPECT_FALSE(readers.has_asked_for_all(one, blob, 100));
    readers.asks(one, blob, {0, 60});
    readers.asks(one, blob, {50, 90});
    EXPECT_FALSE(readers.has_asked_for_all(one, blob, 100));
    readers.asks(one, blob, {90, 100});
    EXPECT_TRUE(readers.has_asked_for_all(one, blob, 100));
}

TEST(PartReaders, WhatOneAsksIsNoneOfTheOthersNorOfOtherFiles) {
    PartReaders readers(started);
    readers.asks(one, blob, {0, 100});
    EXPECT_FALSE(readers.has_asked_for_all(other, blob, 100));
    EXPECT_FALSE(readers.has_asked_for_all(one, digest_of(DigestKind::sha256, "another"), 100));
}

TEST(PartReaders, OfReadersFromBeforeTheStartEverythingIsAssumed) {
    PartReaders readers(started);
    EXPECT_TRUE(readers.has_asked_for_all({"one", started - 1}, blob, 100));
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
    readers.asks(one, blob, {0, 100});
    for (std::size_t i = 0; i < PartReaders::max_remembered; ++i) {
        readers.asks({std::to_string(i), started}, blob, {0, 1});
    }
    EXPECT_FALSE(readers.has_asked_for_all(one, blob, 100));
}

}  // namespace
}  // namespace hubkeep
