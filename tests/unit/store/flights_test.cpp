// Flights over a real store: what a transfer does beside bringing its bytes.

#include "server/store/flights.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <future>

#include "tests/unit/store/disk_under_test.hpp"

namespace hubkeep::test {
namespace {

constexpr std::uint64_t MiB = 1024 * 1024;

Task<bool> ended(Task<void> task) {
    co_await std::move(task);
    co_return true;
}

class FlightsTest : public testing::Test {
  protected:
    std::shared_ptr<Flight> join(const std::string& content) {
        const auto digest = digest_of(DigestKind::sha256, content);
        auto joined = run(flights_.join(digest, content.size(), disk_.reader()));
        EXPECT_TRUE(joined);
        return joined->flight;
    }
    void bring(Flight& flight, const std::string& content, ByteRange range) {
        const auto claim = flight.next_claim(0, range, {});
        ASSERT_TRUE(claim);
        const auto bytes = std::string_view(content).substr(range.begin, range.size());
        ASSERT_TRUE(flight.partial().file.write_at(range.begin, bytes));
        flight.hash(range.begin, bytes);
        flight.advance(claim->id, range.size());
        flight.release(claim->id);
    }

    DiskUnderTest disk_{100 * MiB};
    WrongBytes wrong_{disk_.layout().data_dir() / "wrong-bytes"};
    Flights flights_{disk_.store(), wrong_, quiet()};
};

TEST_F(FlightsTest, CatchesUpAsOftenAsBytesComeOutOfOrder) {
    const std::string content(8 * MiB, 'c');
    const auto flight = join(content);
    for (std::uint64_t part = 0; part < 2; ++part) {
        const auto begin = part * 4 * MiB;
        bring(*flight, content, {begin + 2 * MiB, begin + 4 * MiB});
        EXPECT_FALSE(flight->begin_catching_up()) << "what lies before is missing";
        bring(*flight, content, {begin, begin + 2 * MiB});
        ASSERT_TRUE(flight->begin_catching_up());
        run(ended(flights_.catch_up(flight)));
        EXPECT_FALSE(flight->begin_catching_up()) << "all of it is hashed";
    }
    run(ended(flights_.verify_and_publish(flight)));
    EXPECT_EQ(flight->phase(), Flight::Phase::verified);
    EXPECT_TRUE(disk_.open_blob(content));
}

TEST_F(FlightsTest, RemembersOfWhatWrongBytesWereHandedOut) {
    const std::string right(MiB, 'r');
    const std::string wrong(MiB, 'w');
    const std::int64_t began = std::time(nullptr);
    const auto flight = join(right);
    EXPECT_EQ(flights_.found_wrong(flight->digest()).times, 0U);
    bring(*flight, wrong, {0, MiB});
    run(ended(flights_.verify_and_publish(flight)));
    ASSERT_TRUE(flight->failure());
    EXPECT_EQ(flights_.found_wrong(flight->digest()).times, 1U);
    EXPECT_GE(flights_.found_wrong(flight->digest()).at, began);
    EXPECT_EQ(flights_.found_wrong(digest_of(DigestKind::sha256, wrong)).times, 0U);
}

TEST_F(FlightsTest, AFailureThatComesTooLateHarmsNothing) {
    const std::string content(MiB, 'l');
    const auto flight = join(content);
    bring(*flight, content, {0, MiB});
    ASSERT_TRUE(flight->begin_verifying());
    Error error{ErrorKind::no_space, "of another connection"};
    run(ended(flights_.fail(flight, std::move(error))));
    EXPECT_FALSE(flight->failure());
    ASSERT_TRUE(*flight->catch_up());
    EXPECT_TRUE(flight->matches());
    EXPECT_EQ(flights_.size(), 1U);
}

TEST_F(FlightsTest, AFailureDuringACheckpointLosesNothingThatCameMeanwhile) {
    const std::string content(4 * MiB, 'p');
    auto flight = join(content);
    bring(*flight, content, {0, MiB});
    ASSERT_TRUE(flight->begin_checkpoint());
    bring(*flight, content, {MiB, 3 * MiB});
    const auto end_later = [&]() -> Task<bool> {
        co_await sleep_for(milliseconds(20));
        flight->end_checkpoint(true);
        co_return true;
    };
    auto checkpoint = std::async(std::launch::async, [&] { return run(end_later()); });
    Error error{ErrorKind::cancelled, "the process ends"};
    run(ended(flights_.fail(flight, std::move(error))));
    EXPECT_TRUE(checkpoint.get());
    flight = join(content);
    EXPECT_EQ(flight->missing(), MiB);
}

TEST_F(FlightsTest, WhatFailedIsTakenUpAgainWhereItWas) {
    const std::string content(4 * MiB, 'f');
    auto flight = join(content);
    bring(*flight, content, {0, 3 * MiB});
    Error error{ErrorKind::closed, "the line is cut"};
    run(ended(flights_.fail(flight, std::move(error))));
    EXPECT_TRUE(flight->failure());
    flight = join(content);
    EXPECT_EQ(flight->missing(), MiB);
    bring(*flight, content, {3 * MiB, 4 * MiB});
    run(ended(flights_.verify_and_publish(flight)));
    EXPECT_TRUE(disk_.open_blob(content));
}

}  // namespace
}  // namespace hubkeep::test
