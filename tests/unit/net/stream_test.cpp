#include <gtest/gtest.h>

#include "tests/unit/net/support.hpp"

namespace hubkeep::test {
namespace {

class StreamTest : public testing::Test {
  protected:
    ~StreamTest() override { drop_on(threads[0], pair.stream); }

    Stream& stream() { return *pair.stream; }
    auto read(std::size_t size) {
        buffer.resize(size);
        return run_on(threads[0], stream().read_some(buffer));
    }
    Result<void> write(std::vector<std::string> texts) {
        std::vector<asio::const_buffer> pieces;
        for (const auto& text : texts) pieces.emplace_back(text.data(), text.size());
        return run_on(threads[0], stream().write(pieces));
    }
    void on_thread(const std::function<void()>& function) {
        threads.io.on_each([&](IoThread&) { function(); });
    }

    Threads threads;
    Pair pair = make_pair(threads[0]);
    std::vector<char> buffer;
};

TEST_F(StreamTest, ReadsWhatComesAndThenTheEnd) {
    pair.other.send("hello");
    const auto count = read(100);
    ASSERT_TRUE(count);
    EXPECT_EQ(std::string(buffer.data(), *count), "hello");
    pair.other.close();
    const auto end = read(100);
    ASSERT_TRUE(end);
    EXPECT_EQ(*end, 0u);
}

TEST_F(StreamTest, ReadWaitsForBytes) {
    auto pending = std::async(std::launch::async, [&] { return read(100); });
    pair.other.send("later");
    const auto count = pending.get();
    ASSERT_TRUE(count);
    EXPECT_EQ(*count, 5u);
}

TEST_F(StreamTest, WaitsForInputWithoutTakingIt) {
    auto pending = std::async(std::launch::async,
                              [&] { return run_on(threads[0], stream().wait_for_input()); });
    EXPECT_EQ(pending.wait_for(milliseconds(20)), std::future_status::timeout);
    pair.other.send("x");
    EXPECT_TRUE(pending.get());
    EXPECT_TRUE(run_on(threads[0], stream().wait_for_input())) << "it is still there";
    EXPECT_EQ(read(10).value_or(0), 1u);
    pair.other.close();
    EXPECT_TRUE(run_on(threads[0], stream().wait_for_input()));
    EXPECT_EQ(read(10).value_or(1), 0u);
}

TEST_F(StreamTest, TheDeadlineEndsAWaitForInput) {
    on_thread([&] { stream().expires_after(milliseconds(30)); });
    const auto come = run_on(threads[0], stream().wait_for_input());
    ASSERT_FALSE(come);
    EXPECT_EQ(come.error().kind, ErrorKind::timed_out);
}

TEST_F(StreamTest, WritesAllPiecesInOrderAgainstASlowReader) {
    const auto big = pattern(6 * 1024 * 1024);
    auto pending = std::async(std::launch::async,
                              [&] { return write({"begin", "", big, "middle", big, "end"}); });
    const auto expected = "begin" + big + "middle" + big + "end";
    EXPECT_TRUE(pair.other.read_exactly(expected.size()) == expected);
    EXPECT_TRUE(pending.get());
}

TEST_F(StreamTest, AResetIsReportedAsClosed) {
    pair.other.reset();
    const auto count = read(10);
    ASSERT_FALSE(count);
    EXPECT_EQ(count.error().kind, ErrorKind::closed);
    const auto written = write({"x"});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::closed);
}

TEST_F(StreamTest, TheDeadlineEndsAPendingReadAndEveryLaterCall) {
    on_thread([&] { stream().expires_after(milliseconds(30)); });
    const auto count = read(10);
    ASSERT_FALSE(count);
    EXPECT_EQ(count.error().kind, ErrorKind::timed_out);
    EXPECT_EQ(read(10).error().kind, ErrorKind::timed_out);
    EXPECT_EQ(write({"x"}).error().kind, ErrorKind::timed_out);
    EXPECT_EQ(pair.other.read_some(), "");
}

TEST_F(StreamTest, ADeadlineThatWasPushedDoesNotEndAnything) {
    on_thread([&] {
        stream().expires_after(milliseconds(10));
        stream().expires_after(seconds(30));
    });
    auto pending = std::async(std::launch::async, [&] { return read(100); });
    // Longer than the first deadline: the watchdog has looked by then.
    EXPECT_EQ(pending.wait_for(milliseconds(60)), std::future_status::timeout);
    pair.other.send("x");
    EXPECT_TRUE(pending.get());
}

TEST_F(StreamTest, AnEarlierDeadlineReplacesALaterOne) {
    on_thread([&] {
        stream().expires_after(seconds(30));
        stream().expires_after(milliseconds(20));
    });
    EXPECT_EQ(read(10).error().kind, ErrorKind::timed_out);
}

TEST_F(StreamTest, WithoutADeadlineNothingEnds) {
    on_thread([&] {
        stream().expires_after(milliseconds(10));
        stream().expires_never();
    });
    auto pending = std::async(std::launch::async, [&] { return read(100); });
    EXPECT_EQ(pending.wait_for(milliseconds(60)), std::future_status::timeout);
    pair.other.send("x");
    EXPECT_TRUE(pending.get());
}

TEST_F(StreamTest, AReaderThatTakesNothingTimesOutAWrite) {
    const auto big = pattern(16 * 1024 * 1024);
    const asio::const_buffer piece(big.data(), big.size());
    on_thread([&] { stream().expires_after(milliseconds(50)); });
    const auto written =
        run_on(threads[0], stream().write({&piece, 1}, {.stall = milliseconds(50)}));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::timed_out);
}

TEST_F(StreamTest, ClosingTheThreadsStreamsEndsAPendingRead) {
    auto pending = std::async(std::launch::async, [&] { return read(100); });
    EXPECT_EQ(pending.wait_for(milliseconds(20)), std::future_status::timeout);
    on_thread([&] { threads[0].close_streams(); });
    const auto count = pending.get();
    ASSERT_FALSE(count);
    EXPECT_EQ(count.error().kind, ErrorKind::closed);
    EXPECT_EQ(write({"x"}).error().kind, ErrorKind::closed);
}

TEST_F(StreamTest, ResetReachesTheOtherSideAsAReset) {
    ASSERT_TRUE(write({"half of it"}));
    EXPECT_EQ(pair.other.read_exactly(10), "half of it");
    on_thread([&] { stream().reset(); });
    EXPECT_EQ(pair.other.read_some(), "");
    EXPECT_TRUE(pair.other.was_reset);
}

TEST_F(StreamTest, KnowsWhetherAnIdleConnectionIsStillGood) {
    on_thread([&] { EXPECT_FALSE(stream().has_input_or_eof()); });
    pair.other.send("unasked");
    // The loopback delivers before send() returns.
    on_thread([&] {
        EXPECT_TRUE(stream().has_input_or_eof());
        EXPECT_FALSE(stream().peer_gone());
    });
    ASSERT_TRUE(read(100));
    pair.other.close();
    on_thread([&] {
        EXPECT_TRUE(stream().has_input_or_eof());
        EXPECT_TRUE(stream().peer_gone());
    });
}

Task<int> shut_down(Stream& stream) {
    co_await stream.shutdown();
    co_return 0;
}

TEST_F(StreamTest, ShutdownDoesNotDestroyAnAnswerThatTheClientHasNotRead) {
    // Input that nobody reads would turn a plain close into a reset.
    pair.other.send(std::string(100000, 'x'));
    ASSERT_TRUE(write({"the answer"}));
    auto pending =
        std::async(std::launch::async, [&] { return run_on(threads[0], shut_down(stream())); });
    EXPECT_EQ(pair.other.read_all(), "the answer");
    EXPECT_FALSE(pair.other.was_reset);
    pair.other.close();
    pending.get();
}

TEST_F(StreamTest, ShutdownIsBoundedWhenTheOtherSideStays) {
    const auto before = SteadyClock::now();
    run_on(threads[0], shut_down(stream()));
    EXPECT_LT(SteadyClock::now() - before, seconds(5));
    EXPECT_EQ(pair.other.read_some(), "");
}

TEST_F(StreamTest, NamesItsPeer) {
    EXPECT_TRUE(stream().peer().starts_with("127.0.0.1:")) << stream().peer();
}

TEST(IoThreadTest, CountsItsStreams) {
    Threads threads;
    EXPECT_EQ(threads[0].open_streams(), 0u);
    auto a = make_pair(threads[0]);
    auto b = make_pair(threads[0]);
    EXPECT_EQ(threads[0].open_streams(), 2u);
    drop_on(threads[0], a.stream);
    EXPECT_EQ(threads[0].open_streams(), 1u);
    drop_on(threads[0], b.stream);
    EXPECT_EQ(threads[0].open_streams(), 0u);
}

}  // namespace
}  // namespace hubkeep::test
