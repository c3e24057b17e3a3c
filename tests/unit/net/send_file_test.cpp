#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/unit/net/certificates.hpp"

namespace hubkeep::test {
namespace {

class SendFileTest : public testing::Test {
  protected:
    ~SendFileTest() override { drop_on(threads[0], pair.stream); }

    File open(std::string_view name) { return std::move(*File::open_read(folder / name)); }
    auto send_in_background(const File& file, ByteRange range) {
        return std::async(std::launch::async, [this, &file, range] {
            return run_on(threads[0], pair.stream->send_file(file, range, seconds(10), &sent));
        });
    }

    TempFolder folder;
    Threads threads;
    Pair pair = make_pair(threads[0]);
    std::uint64_t sent = 0;
};

TEST_F(SendFileTest, SendsEveryByteOfALargeFile) {
    const auto content = pattern(8 * 1024 * 1024 + 13);
    folder.write("file", content);
    const auto file = open("file");
    auto pending = send_in_background(file, {0, content.size()});
    EXPECT_TRUE(pair.other.read_exactly(content.size()) == content);
    EXPECT_TRUE(pending.get());
    EXPECT_EQ(sent, content.size());
}

TEST_F(SendFileTest, SendsAFileThatIsNotInMemory) {
    const auto content = pattern(20 * 1024 * 1024 + 7);
    folder.write("file", content);
    const auto file = open("file");
    ::fsync(file.fd());
    ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
    auto pending = send_in_background(file, {1, content.size()});
    EXPECT_TRUE(pair.other.read_exactly(content.size() - 1) == content.substr(1));
    EXPECT_TRUE(pending.get());
}

TEST_F(SendFileTest, SendsARange) {
    const auto content = pattern(3 * 1024 * 1024);
    folder.write("file", content);
    const auto file = open("file");
    const ByteRange range{1234567, 2345678};
    auto pending = send_in_background(file, range);
    EXPECT_TRUE(pair.other.read_exactly(range.size()) == content.substr(range.begin, range.size()));
    EXPECT_TRUE(pending.get());
}

TEST_F(SendFileTest, AFileThatIsTooShortIsAnError) {
    const auto content = pattern(100000);
    folder.write("file", content);
    const auto file = open("file");
    auto pending = send_in_background(file, {0, content.size() + 1});
    EXPECT_TRUE(pair.other.read_exactly(content.size()) == content);
    const auto result = pending.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(sent, content.size());
}

TEST_F(SendFileTest, AClientThatLeavesEndsIt) {
    const auto content = pattern(32 * 1024 * 1024);
    folder.write("file", content);
    const auto file = open("file");
    auto pending = send_in_background(file, {0, content.size()});
    pair.other.read_exactly(1000);
    pair.other.reset();
    const auto result = pending.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::closed);
    EXPECT_LT(sent, content.size());
}

TEST_F(SendFileTest, AReaderThatStopsTimesOut) {
    const auto content = pattern(32 * 1024 * 1024);
    folder.write("file", content);
    const auto file = open("file");
    const auto result = run_on(
        threads[0], pair.stream->send_file(file, {0, content.size()}, milliseconds(50), &sent));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::timed_out);
}

}  // namespace
}  // namespace hubkeep::test
