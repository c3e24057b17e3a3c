// Flight: what is claimed, what may be read, and when the last bytes are let go. No store behind
// it: the partial is a plain file in a temporary folder.

#include "server/store/flight.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace hubkeep {
namespace {

constexpr std::uint64_t MiB = 1024 * 1024;

class FlightTest : public testing::Test {
  protected:
    FlightTest() {
        char name[] = "/tmp/hubkeep-flight-XXXXXX";
        folder_ = mkdtemp(name);
    }
    ~FlightTest() override { fs::remove_all(folder_); }

    std::shared_ptr<Flight> flight_of(const std::string& content, Extents present = {}) {
        const auto digest = digest_of(DigestKind::sha256, content);
        return opened(digest, content.size(), std::move(present));
    }
    std::shared_ptr<Flight> opened(Digest digest, std::uint64_t size, Extents present = {}) {
        auto flight = std::make_shared<Flight>(digest, size);
        Partial partial;
        partial.digest = digest;
        partial.size = size;
        partial.file = *File::open_write(folder_ / "partial");
        partial.present = std::move(present);
        flight->opened(std::move(partial));
        return flight;
    }
    static void bring(Flight& flight, Flight::Claim claim, std::string_view bytes) {
        const auto at = flight.claimed(claim.id).begin;
        ASSERT_TRUE(flight.partial().file.write_at(at, bytes));
        flight.hash(at, bytes);
        flight.advance(claim.id, bytes.size());
    }
    static std::optional<Flight::Claim> claim(Flight& flight, ByteRange goal,
                                              Flight::Portion portion = {}) {
        return flight.next_claim(0, goal, portion);
    }
    static Extents extents(std::initializer_list<ByteRange> ranges) {
        Extents out;
        for (const auto& range : ranges) out.add(range);
        return out;
    }

    fs::path folder_;
};

// One that waits at a position, until the flight fails.
class WaitingReader {
  public:
    WaitingReader(Flight& flight, std::uint64_t position) : flight_(flight) {
        asio::co_spawn(context_, wait(position), asio::detached);
        context_.poll();
    }
    ~WaitingReader() {
        flight_.fail(Error{ErrorKind::cancelled, "the test is over"});
        context_.run();
    }

  private:
    Task<void> wait(std::uint64_t position) {
        co_await flight_.readable(position, false, TimePoint::max());
    }
    Flight& flight_;
    asio::io_context context_;
};

TEST_F(FlightTest, ClaimsTheFirstMissingStretchOnly) {
    const auto flight = opened({}, 100, extents({{0, 10}, {50, 60}}));
    const auto first = claim(*flight, {0, 100});
    ASSERT_TRUE(first);
    EXPECT_EQ(first->range, (ByteRange{10, 50}));
    const auto second = claim(*flight, {0, 100});
    ASSERT_TRUE(second);
    EXPECT_EQ(second->range, (ByteRange{60, 100}));
    EXPECT_FALSE(claim(*flight, {0, 100}));
    flight->release(first->id);
    EXPECT_EQ(claim(*flight, {20, 30})->range, (ByteRange{20, 30}));
}

TEST_F(FlightTest, AReaderCloseBehindAClaimWaitsForIt) {
    const auto flight = opened({}, 100 * MiB);
    const auto mine = claim(*flight, {0, 100 * MiB});
    ASSERT_TRUE(mine);
    EXPECT_FALSE(flight->claim_for_reader(Flight::near_bytes, {0, 100 * MiB}));
}

TEST_F(FlightTest, AReaderFarAheadCutsTheClaimAndGetsTheRest) {
    const auto flight = opened({}, 100 * MiB);
    const auto before = claim(*flight, {0, 100 * MiB});
    const auto mine = flight->claim_for_reader(50 * MiB, {50 * MiB, 51 * MiB});
    ASSERT_TRUE(before && mine);
    EXPECT_EQ(mine->range, (ByteRange{50 * MiB, 51 * MiB}));
    EXPECT_EQ(flight->claimed(before->id), (ByteRange{0, 50 * MiB}));
    // What the reader did not want is nobody's until the first fetch comes round to it.
    EXPECT_EQ(claim(*flight, {0, 100 * MiB})->range, (ByteRange{51 * MiB, 100 * MiB}));
}

TEST_F(FlightTest, APatientReaderLeavesAClaimAloneThatComesInTime) {
    const auto flight = opened({}, 100 * MiB);
    const auto before = claim(*flight, {0, 100 * MiB});
    const ByteRange wanted{50 * MiB, 51 * MiB};
    flight->advance(before->id, 10 * MiB);
    EXPECT_FALSE(flight->claim_for_reader(wanted.begin, wanted, seconds(24 * 60 * 60)));
    flight->release(before->id);
    ASSERT_TRUE(claim(*flight, {0, 100 * MiB}));  // of which nothing has come
    EXPECT_TRUE(flight->claim_for_reader(wanted.begin, wanted, seconds(24 * 60 * 60)));
}

TEST_F(FlightTest, AReaderOfAnUnclaimedSliceGetsTheWholeSlice) {
    const auto flight = opened({}, 10 * MiB);
    const auto claim = flight->claim_for_reader(3 * MiB + 5, {3 * MiB, 4 * MiB});
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->range, (ByteRange{3 * MiB, 4 * MiB}));
}

TEST_F(FlightTest, ClaimsOfReadersAreBounded) {
    const auto flight = opened({}, 1000 * MiB);
    for (std::size_t i = 0; i < Flight::max_claims; ++i) {
        const auto at = i * 10 * MiB;
        EXPECT_TRUE(flight->claim_for_reader(at, {at, at + 1}));
    }
    EXPECT_FALSE(flight->claim_for_reader(900 * MiB, {900 * MiB, 901 * MiB}));
    // The connections of a fetch are bounded elsewhere, and it must not end before its goal.
    EXPECT_TRUE(claim(*flight, {900 * MiB, 901 * MiB}));
}

TEST_F(FlightTest, PortionsAreHandedOutInOrderAndWithoutARestThatIsTooSmall) {
    const auto flight = opened({}, 25 * MiB);
    const ByteRange goal{0, 25 * MiB};
    const Flight::Portion portion{10 * MiB, 4 * MiB};
    const auto first = claim(*flight, goal, portion);
    const auto second = claim(*flight, goal, portion);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->range, (ByteRange{0, 10 * MiB}));
    EXPECT_EQ(second->range, (ByteRange{10 * MiB, 20 * MiB}));
    flight->advance(second->id, 10 * MiB);
    const auto third = flight->next_claim(second->id, goal, portion);
    ASSERT_TRUE(third);
    EXPECT_EQ(third->range, (ByteRange{20 * MiB, 25 * MiB}));
    EXPECT_EQ(flight->claims(), 2u);
    const auto small = opened({}, 13 * MiB);
    EXPECT_EQ(claim(*small, {0, 13 * MiB}, portion)->range, (ByteRange{0, 13 * MiB}));
}

TEST_F(FlightTest, WhoHasNothingElseToDoTakesHalfOfTheLongestRest) {
    const auto flight = opened({}, 30 * MiB);
    const ByteRange goal{0, 30 * MiB};
    const Flight::Portion portion{20 * MiB, 4 * MiB};
    const auto first = claim(*flight, goal, portion);
    const auto second = claim(*flight, goal, portion);
    flight->advance(first->id, 4 * MiB);
    flight->advance(second->id, 10 * MiB);
    const auto half = flight->next_claim(second->id, goal, portion);
    ASSERT_TRUE(half);
    EXPECT_EQ(half->range, (ByteRange{12 * MiB, 20 * MiB}));
    EXPECT_EQ(flight->claimed(first->id), (ByteRange{4 * MiB, 12 * MiB}));
    // Halves of less than `least` are not worth it; the old claim is given up all the same.
    flight->advance(half->id, 8 * MiB);
    const auto quarter = flight->next_claim(half->id, goal, portion);
    ASSERT_TRUE(quarter);
    flight->advance(quarter->id, 4 * MiB);
    EXPECT_FALSE(flight->next_claim(quarter->id, goal, portion));
    EXPECT_EQ(flight->claims(), 1u);
}

TEST_F(FlightTest, WhatLiesAheadOfTheFastestReaderComesFirst) {
    const auto flight = opened({}, 100 * MiB);
    asio::io_context context;
    const auto reader = [&](std::uint64_t position) -> Task<void> {
        co_await flight->readable(position, false, TimePoint::max());
    };
    asio::co_spawn(context.get_executor(), reader(60 * MiB), asio::detached);
    asio::co_spawn(context.get_executor(), reader(5), asio::detached);
    context.poll();
    const ByteRange goal{0, 100 * MiB};
    const Flight::Portion portion{20 * MiB, MiB};
    EXPECT_EQ(claim(*flight, goal, portion)->range, (ByteRange{60 * MiB, 80 * MiB}));
    EXPECT_EQ(claim(*flight, goal, portion)->range, (ByteRange{80 * MiB, 100 * MiB}));
    EXPECT_EQ(claim(*flight, goal, portion)->range, (ByteRange{0, 20 * MiB}));
    flight->fail({ErrorKind::closed, "over"});
    context.poll();
}

TEST_F(FlightTest, AClaimGrowsUpToWhatIsThereOrClaimed) {
    const auto flight = opened({}, 100, extents({{50, 60}}));
    const auto first = claim(*flight, {0, 10});
    EXPECT_EQ(flight->extend(first->id, {0, 100}), (ByteRange{0, 50}));
    EXPECT_EQ(flight->extend(first->id, {0, 100}), (ByteRange{0, 50}));
    const auto second = claim(*flight, {60, 70});
    const auto third = claim(*flight, {80, 90});
    EXPECT_EQ(flight->extend(second->id, {0, 100}), (ByteRange{60, 80}));
    EXPECT_EQ(flight->extend(third->id, {0, 95}), (ByteRange{80, 95}));
}

TEST_F(FlightTest, OneFetchFillsWhatFollowsAPosition) {
    const auto flight = opened({}, 100);
    EXPECT_EQ(flight->begin_filling({40, 100}), (ByteRange{40, 100}));
    EXPECT_FALSE(flight->begin_filling({40, 100}));
    EXPECT_FALSE(flight->begin_filling({70, 90}));
    EXPECT_EQ(flight->begin_filling({10, 100}), (ByteRange{10, 40}));
    EXPECT_FALSE(flight->begin_filling({10, 100})) << "two others bring it";
    EXPECT_EQ(flight->unfilled_in({0, 100}), 10u);
    flight->end_filling({40, 100});
    EXPECT_EQ(flight->begin_filling({0, 60}), (ByteRange{0, 60}))
        << "with a part of another inside";
    flight->end_filling({0, 60});
    flight->end_filling({10, 40});
    EXPECT_EQ(flight->begin_filling({70, 100}), (ByteRange{70, 100}));
}

TEST_F(FlightTest, HoldsTheLastBytesBackFromWholeReadersUntilVerified) {
    const std::string content(200 * 1024, 'x');
    const auto flight = flight_of(content);
    const auto mine = claim(*flight, {0, content.size()});
    bring(*flight, *mine, content.substr(0, 190 * 1024));
    const auto held = content.size() - Flight::hold_back_bytes;
    EXPECT_EQ(flight->readable_now(0, true), held);
    EXPECT_EQ(flight->readable_now(0, false), 190 * 1024);
    bring(*flight, *mine, content.substr(190 * 1024));
    // All there but unverified: now nobody gets the end.
    EXPECT_EQ(flight->readable_now(0, false), held);
    EXPECT_EQ(flight->readable_now(held + 1, false), held + 1);
    ASSERT_TRUE(flight->begin_verifying());
    EXPECT_FALSE(flight->begin_verifying());
    EXPECT_EQ(flight->readable_now(0, true), held);
    ASSERT_TRUE(*flight->catch_up());
    EXPECT_TRUE(flight->matches());
    flight->set_verified();
    EXPECT_EQ(flight->readable_now(0, true), content.size());
}

TEST_F(FlightTest, HashesBytesThatCameOutOfOrder) {
    std::string content(3 * MiB, '\0');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 >> 8);
    const auto flight = flight_of(content);
    const auto first = claim(*flight, {0, MiB});
    const auto last = claim(*flight, {2 * MiB, 3 * MiB});
    const auto middle = claim(*flight, {MiB, 2 * MiB});
    bring(*flight, *last, content.substr(2 * MiB));
    bring(*flight, *first, content.substr(0, MiB));
    bring(*flight, *middle, content.substr(MiB, MiB));
    ASSERT_TRUE(flight->begin_verifying());
    while (!*flight->catch_up()) {
    }
    EXPECT_TRUE(flight->matches());
}

TEST_F(FlightTest, CatchingUpIsForOneAndForMuch) {
    const std::string content(3 * MiB, 'c');
    const auto flight = flight_of(content, extents({{0, 2 * MiB}}));
    ASSERT_TRUE(flight->partial().file.write_at(0, content));
    ASSERT_TRUE(flight->begin_catching_up());
    EXPECT_FALSE(flight->begin_catching_up());
    EXPECT_TRUE(*flight->catch_up());
    EXPECT_FALSE(flight->begin_catching_up()) << "nothing is left that is there";
    bring(*flight, *claim(*flight, {0, 3 * MiB}), content.substr(2 * MiB));
    ASSERT_TRUE(flight->begin_verifying());
    EXPECT_TRUE(*flight->catch_up());
    EXPECT_TRUE(flight->matches());
}

TEST_F(FlightTest, FindsAWrongByteThatAnEarlierTransferLeft) {
    const std::string content(100, 'a');
    const auto flight = flight_of(content, extents({{0, 50}}));
    ASSERT_TRUE(flight->partial().file.write_at(0, std::string(49, 'a') + "b"));
    bring(*flight, *claim(*flight, {0, 100}), content.substr(50));
    ASSERT_TRUE(flight->begin_verifying());
    ASSERT_TRUE(*flight->catch_up());
    EXPECT_FALSE(flight->matches());
}

TEST_F(FlightTest, ACheckpointNeedsProgressAndThereIsOneAtATime) {
    const std::string content(1000, 'a');
    const auto flight = flight_of(content);
    EXPECT_FALSE(flight->begin_checkpoint());
    const auto mine = claim(*flight, {0, 1000});
    bring(*flight, *mine, content.substr(0, 100));
    EXPECT_TRUE(flight->begin_checkpoint());
    bring(*flight, *mine, content.substr(0, 100));
    EXPECT_FALSE(flight->begin_checkpoint());
    flight->end_checkpoint(true);
    EXPECT_TRUE(flight->begin_checkpoint());
}

TEST_F(FlightTest, WhatIsJudgedAlreadyCannotFailByTheWay) {
    const std::string content(100, 'a');
    const auto flight = flight_of(content);
    bring(*flight, *claim(*flight, {0, 100}), content);
    ASSERT_TRUE(flight->begin_verifying());
    EXPECT_FALSE(flight->begin_failing());
    ASSERT_TRUE(*flight->catch_up());
    flight->set_verified();
}

TEST_F(FlightTest, WhatFailsIsNeitherJudgedNorWritten) {
    const std::string content(100, 'a');
    const auto flight = flight_of(content);
    const auto mine = claim(*flight, {0, 100});
    ASSERT_TRUE(flight->begin_writing());
    ASSERT_TRUE(flight->begin_failing());
    EXPECT_FALSE(flight->begin_failing()) << "it fails once";
    EXPECT_FALSE(flight->begin_writing());
    bring(*flight, *mine, content);
    flight->end_writing();
    EXPECT_FALSE(flight->begin_verifying());
}

TEST_F(FlightTest, AConnectionGoesAheadOfTheReaderThatWaits) {
    const auto flight = opened({}, 100 * MiB);
    const auto own = claim(*flight, {0, 100 * MiB}, {.most = 10 * MiB});
    WaitingReader waiting(*flight, 60 * MiB);
    const auto next = flight->next_claim(own->id, {0, 100 * MiB}, {.most = 10 * MiB});
    EXPECT_EQ(next->range, (ByteRange{60 * MiB, 70 * MiB}));
}

TEST_F(FlightTest, ACheckpointIsDueByBytes) {
    const auto flight = opened({}, 100 * Flight::min_checkpoint_bytes);
    const auto mine = claim(*flight, {0, flight->size()});
    flight->advance(mine->id, 1);
    EXPECT_FALSE(flight->checkpoint_due());
    // A sixteenth of the file.
    flight->advance(mine->id, 100 * Flight::min_checkpoint_bytes / 16 - 1);
    EXPECT_TRUE(flight->checkpoint_due());
    ASSERT_TRUE(flight->begin_checkpoint());
    EXPECT_FALSE(flight->checkpoint_due());
}

TEST_F(FlightTest, OnlyTheReadersThatBytesCameForAreWoken) {
    const auto flight = opened({}, 100 * MiB);
    const auto mine = claim(*flight, {0, 10 * MiB});
    asio::io_context context;
    std::vector<std::uint64_t> woken;
    const auto reader = [&](std::uint64_t position) -> Task<void> {
        co_await flight->readable(position, false, TimePoint::max());
        woken.push_back(position);
    };
    for (const auto position : {std::uint64_t{0}, MiB, 50 * MiB}) {
        asio::co_spawn(context.get_executor(), reader(position), asio::detached);
    }
    context.poll();
    flight->advance(mine->id, MiB);
    context.poll();
    EXPECT_EQ(woken, (std::vector<std::uint64_t>{0}));
    flight->advance(mine->id, 1);
    context.poll();
    EXPECT_EQ(woken, (std::vector<std::uint64_t>{0, MiB}));
    flight->release(mine->id);  // one of them may have to claim what was given up
    context.poll();
    EXPECT_EQ(woken.size(), 3u);
}

TEST_F(FlightTest, KnowsHowMuchWasReadInARow) {
    const auto flight = opened({}, 100, extents({{10, 30}, {40, 50}}));
    EXPECT_EQ(flight->run_before(5), 0u);
    EXPECT_EQ(flight->run_before(30), 20u);
    EXPECT_EQ(flight->run_before(20), 10u);
    EXPECT_EQ(flight->run_before(31), 0u);
    EXPECT_EQ(flight->stretches(), 2u);
    EXPECT_FALSE(flight->is_full());
}

TEST_F(FlightTest, RemembersNoMoreStretchesThanItsRowMayHold) {
    Extents crowd;
    for (std::uint64_t n = 0; n < Flight::max_remembered + 100; ++n) {
        crowd.add({n * 100, n * 100 + 10 + n % 2});
    }
    const auto flight = opened({}, (Flight::max_remembered + 100) * 100, crowd);
    const auto remembered = flight->extents();
    EXPECT_EQ(remembered.count(), Flight::max_remembered);
    EXPECT_EQ(flight->stretches(), Flight::max_remembered + 100);
}

TEST_F(FlightTest, AFailedFlightTakesNoMoreClaimsAndKeepsItsFirstCause) {
    const auto flight = opened({}, 100);
    flight->fail({ErrorKind::closed, "first"});
    flight->fail({ErrorKind::io, "second"});
    EXPECT_EQ(flight->failure()->message, "first");
    EXPECT_FALSE(claim(*flight, {0, 100}));
}

}  // namespace
}  // namespace hubkeep
