#include "server/net/warm_range.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <latch>

#include "tests/unit/net/support.hpp"

namespace hubkeep::test {
namespace {

constexpr std::uint64_t mib = 1024 * 1024;

Task<int> fetch(WarmRange& range, std::uint64_t offset) {
    co_await range.fetch(offset);
    co_return 0;
}

class WarmRangeTest : public testing::Test {
  protected:
    void SetUp() override {
        // Only what is asked for comes into memory, and nothing around it.
        ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_RANDOM);
        cool();
        if (WarmRange(file, whole, threads[0]).has(0)) {
            GTEST_SKIP() << "this file system keeps in memory what it was told to drop";
        }
    }
    void cool() const {
        ::fsync(file.fd());
        ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
    }
    void read(ByteRange range) const {
        std::vector<char> dropped(range.size());
        ASSERT_TRUE(file.read_at(range.begin, dropped));
    }

    TempFolder folder;
    Threads threads;
    const ByteRange whole{0, 20 * mib};
    const std::string content = pattern(whole.size());
    const File file = std::move(*File::open_read(folder.write("file", content)));
};

TEST_F(WarmRangeTest, KnowsWhatIsInMemory) {
    read({0, 3 * mib});
    WarmRange range(file, {100, 2 * mib}, threads[0]);
    EXPECT_TRUE(range.has(100));
    EXPECT_EQ(range.until(), 100 + mib);
    EXPECT_TRUE(range.has(mib));
    EXPECT_EQ(range.until(), 100 + mib) << "that was known";
    EXPECT_TRUE(range.has(100 + mib));
    EXPECT_EQ(range.until(), 2 * mib);
}

TEST_F(WarmRangeTest, NoticesAHoleBeforeItsLastByte) {
    read({900 * 1024, mib});
    EXPECT_FALSE(WarmRange(file, {0, mib}, threads[0]).has(0));
}

TEST_F(WarmRangeTest, FetchesAndAsksAhead) {
    WarmRange range(file, whole, threads[0]);
    ASSERT_FALSE(range.has(0));
    run_on(threads[0], fetch(range, 0));
    EXPECT_EQ(range.until(), mib);
    EXPECT_TRUE(range.has(0));
    // The disk was asked for 8 MiB; half of that before their end it is asked again.
    read({0, 7 * mib});
    EXPECT_TRUE(range.has(3 * mib));
    EXPECT_FALSE(range.has(5 * mib));
    run_on(threads[0], fetch(range, 5 * mib));
    read({8 * mib, 12 * mib});
    EXPECT_TRUE(range.has(8 * mib));
    EXPECT_FALSE(range.has(10 * mib));
}

TEST_F(WarmRangeTest, AsksForNothingThatSomebodyElseHasRead) {
    WarmRange range(file, whole, threads[0]);
    run_on(threads[0], fetch(range, 0));
    read({5 * mib, 9 * mib});
    EXPECT_TRUE(range.has(5 * mib));
    EXPECT_TRUE(range.has(7 * mib));
}

TEST_F(WarmRangeTest, AFileThatIsTooShortIsLeftForItsReader) {
    WarmRange range(file, {0, 2 * whole.size()}, threads[0]);
    run_on(threads[0], fetch(range, whole.size() - 10));
    EXPECT_TRUE(range.has(whole.size() - 10));
    EXPECT_TRUE(range.has(whole.size()));
}

TEST_F(WarmRangeTest, ADiskThatIsSlowHoldsUpOneAnswerAndNotTheThread) {
    auto slow = make_pair(threads[0]);
    std::latch disk(1);
    for (int i = 0; i < 64; ++i) {
        asio::post(threads[0].disk_readers(), [&] { disk.wait(); });
    }
    auto sent = std::async(std::launch::async, [&] {
        return run_on(threads[0], slow.stream->send_file(file, whole, seconds(10)));
    });
    auto other = make_pair(threads[0]);
    const asio::const_buffer piece("hello", 5);
    EXPECT_TRUE(run_on(threads[0], other.stream->write({&piece, 1})));
    EXPECT_EQ(other.other.read_exactly(5), "hello");
    EXPECT_EQ(sent.wait_for(milliseconds(20)), std::future_status::timeout);
    disk.count_down();
    EXPECT_TRUE(slow.other.read_exactly(whole.size()) == content);
    EXPECT_TRUE(sent.get());
    drop_on(threads[0], slow.stream);
    drop_on(threads[0], other.stream);
}

}  // namespace
}  // namespace hubkeep::test
