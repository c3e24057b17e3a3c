#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/unit/common/framed.hpp"
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

    auto send_frames_in_background(const File& file, const Frames& frames, ByteRange physical) {
        return std::async(std::launch::async, [this, &file, frames, physical] {
            return run_on(threads[0],
                          pair.stream->send_frames(file, frames, physical, seconds(10), &sent));
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

TEST_F(SendFileTest, SendsFramesThatAreLargerThanTheSocketsRoom) {
    const auto content = pattern(9 * 1024 * 1024 + 13);
    folder.write("file", content);
    const auto file = open("file");
    const Frames frames{{3, content.size()}, 131'072, 8, write_size};
    const auto layout = framed(content, frames);
    auto pending = send_frames_in_background(file, frames, {0, layout.size()});
    EXPECT_TRUE(pair.other.read_exactly(layout.size()) == layout);
    EXPECT_TRUE(pending.get());
    EXPECT_EQ(sent, layout.size());
}

TEST_F(SendFileTest, SendsFramesThatAreNotInMemory) {
    const auto content = pattern(20 * 1024 * 1024 + 7);
    folder.write("file", content);
    const auto file = open("file");
    ::fsync(file.fd());
    ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
    const Frames frames{{0, content.size()}, 131'072, 8, write_size};
    const auto layout = framed(content, frames);
    auto pending = send_frames_in_background(file, frames, {0, layout.size()});
    EXPECT_TRUE(pair.other.read_exactly(layout.size()) == layout);
    EXPECT_TRUE(pending.get());
}

TEST_F(SendFileTest, RangesOfFramesBeginAndEndAnywhere) {
    const auto content = pattern(4000);
    folder.write("file", content);
    const auto file = open("file");
    const Frames frames{{0, content.size()}, 1000, 8, write_size};
    const auto layout = framed(content, frames);
    // In the first, the second and behind the last header, with and without data.
    const std::vector<std::uint64_t> cuts = {0, 3, 8, 9, 1008, 1013, 1016, 2500, 4031, 4032};
    for (const auto begin : cuts) {
        for (const auto end : cuts) {
            if (begin >= end) continue;
            auto pending = send_frames_in_background(file, frames, {begin, end});
            EXPECT_EQ(pair.other.read_exactly(end - begin), layout.substr(begin, end - begin));
            EXPECT_TRUE(pending.get());
        }
    }
}

TEST_F(SendFileTest, FramesOfAFileThatIsTooShortAreAnErrorBehindItsLastByte) {
    const auto content = pattern(2500);
    folder.write("file", content);
    const auto file = open("file");
    const Frames frames{{0, 4000}, 1000, 8, write_size};
    auto pending = send_frames_in_background(file, frames, {0, frames.physical_size()});
    EXPECT_EQ(pair.other.read_exactly(2524).substr(2024), content.substr(2000));
    const auto result = pending.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::corrupt);
    EXPECT_NE(result.error().message.find("byte 2500"), std::string::npos);
    EXPECT_EQ(sent, 2524u);
}

TEST_F(SendFileTest, AReaderOfFramesThatStopsTimesOut) {
    const auto content = pattern(32 * 1024 * 1024);
    folder.write("file", content);
    const auto file = open("file");
    const Frames frames{{0, content.size()}, 131'072, 8, write_size};
    const ByteRange all{0, frames.physical_size()};
    const auto result =
        run_on(threads[0], pair.stream->send_frames(file, frames, all, milliseconds(50), &sent));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::timed_out);
}

// The most that leaves between two turns of another task of the thread, which tells when it has
// its first one.
Task<std::uint64_t> largest_burst(IoThread& thread, const std::uint64_t& sent, std::uint64_t until,
                                  std::promise<void>& watching) {
    watching.set_value();
    std::uint64_t seen = sent;
    std::uint64_t largest = 0;
    while (seen < until) {
        co_await asio::post(thread.executor(), UseTask{});
        largest = std::max(largest, sent - seen);
        seen = sent;
    }
    co_return largest;
}

TEST_F(SendFileTest, ManySmallFramesLetTheOthersRunAfterABurst) {
    const auto content = pattern(16 * 1024 * 1024);
    folder.write("file", content);
    const auto file = open("file");
    const Frames frames{{0, content.size()}, 4096, 8, write_size};
    const auto layout = framed(content, frames);
    std::vector<Pair> company;
    for (int i = 0; i < 3; ++i) company.push_back(make_pair(threads[0]));
    std::promise<void> watching;
    auto burst = std::async(std::launch::async, [&] {
        return run_on(threads[0], largest_burst(threads[0], sent, layout.size(), watching));
    });
    watching.get_future().wait();
    auto pending = send_frames_in_background(file, frames, {0, layout.size()});
    EXPECT_TRUE(pair.other.read_exactly(layout.size()) == layout);
    EXPECT_TRUE(pending.get());
    // Of 256 KiB of data and their headers each; a turn that was asked for in the middle of one
    // comes behind the next.
    EXPECT_LE(burst.get(), 2 * 64 * (4096 + 8u));
    for (auto& one : company) drop_on(threads[0], one.stream);
}

}  // namespace
}  // namespace hubkeep::test
