#include "common/frames.hpp"

#include <gtest/gtest.h>

#include "tests/unit/common/framed.hpp"

namespace hubkeep::test {
namespace {

std::string gather(const std::string& content, const Frames& frames, ByteRange physical) {
    std::string text;
    while (!physical.empty()) {
        const auto piece = frames.first_piece(physical);
        if (piece.size() == 0) return text + "<nothing>";
        text += std::string_view(piece.header().data(), piece.header().size());
        text += content.substr(piece.data.begin, piece.data.size());
        physical.begin += piece.size();
    }
    return text;
}

// Small layouts of every shape: none, one and several frames, whole and short last ones.
template <typename Check>
void for_each_layout(const std::string& content, Check check) {
    for (std::uint64_t begin : {0, 3}) {
        for (std::uint64_t end = begin; end <= content.size(); ++end) {
            for (std::uint64_t frame_bytes = 1; frame_bytes <= 5; ++frame_bytes) {
                for (std::uint64_t header_bytes = 0; header_bytes <= 3; ++header_bytes) {
                    check(Frames{{begin, end}, frame_bytes, header_bytes, write_size});
                }
            }
        }
    }
}

TEST(FramesTest, PiecesOfAnyRangeAddUpToTheLayout) {
    const std::string content = "abcdefghijklm";
    for_each_layout(content, [&](const Frames& frames) {
        const auto layout = framed(content, frames);
        ASSERT_EQ(frames.physical_size(), layout.size());
        for (std::uint64_t begin = 0; begin <= layout.size(); ++begin) {
            for (auto end = begin; end <= layout.size(); ++end) {
                ASSERT_EQ(gather(content, frames, {begin, end}), layout.substr(begin, end - begin))
                    << frames.file.begin << "-" << frames.file.end << " in " << frames.frame_bytes
                    << "+" << frames.header_bytes << ", physical " << begin << "-" << end;
            }
        }
    });
}

TEST(FramesTest, DataOfAnyRangeIsWhatItHasOfTheFile) {
    const std::string content = "abcdefghijklm";
    for_each_layout(content, [&](const Frames& frames) {
        const auto layout = framed(content, frames);
        for (std::uint64_t begin = 0; begin <= layout.size(); ++begin) {
            for (auto end = begin; end <= layout.size(); ++end) {
                std::string data;  // headers are in upper case
                for (const char c : layout.substr(begin, end - begin)) {
                    if (c >= 'a') data += c;
                }
                const auto range = frames.data_in({begin, end});
                ASSERT_EQ(content.substr(range.begin, range.size()), data);
            }
        }
    });
}

TEST(FramesTest, APositionIsWhereItsByteStandsOrItsFramesHeader) {
    const std::string content = "abcdefghijklm";
    for_each_layout(content, [&](const Frames& frames) {
        const auto layout = framed(content, frames);
        for (auto position = frames.file.begin; position < frames.file.end; ++position) {
            const bool first = (position - frames.file.begin) % frames.frame_bytes == 0;
            const auto physical = frames.physical_of(position);
            ASSERT_EQ(layout[physical + (first ? frames.header_bytes : 0)], content[position]);
            ASSERT_EQ(frames.position_of(physical), position);
        }
        ASSERT_EQ(frames.physical_of(frames.file.end), frames.physical_size());
    });
}

TEST(FramesTest, TheLargestFilesDoNotOverflow) {
    constexpr std::uint64_t file_size = std::uint64_t{1} << 52;
    const Frames bytes{{0, file_size}, 1, 16, write_size};
    EXPECT_EQ(bytes.physical_size(), file_size * 17);
    EXPECT_EQ(bytes.position_of(file_size * 17 - 1), file_size - 1);
    const Frames chunks{{5, file_size}, 131'072, 8, write_size};
    const auto last = chunks.physical_of(file_size - 1);
    EXPECT_EQ(last + 1, chunks.physical_size());
    EXPECT_EQ(last, file_size - 6 + (file_size / 131'072) * 8);
    EXPECT_EQ(chunks.position_of(last), file_size - 1);
    const Frames whole = Frames::unframed({7, file_size});
    EXPECT_EQ(whole.physical_size(), file_size - 7);
    EXPECT_EQ(whole.position_of(100), 107u);
}

TEST(FramesTest, AnEmptyStretchHasNoFrames) {
    const Frames none = Frames::unframed({9, 9});
    EXPECT_EQ(none.physical_size(), 0u);
    EXPECT_TRUE(none.data_in({0, 0}).empty());
}

}  // namespace
}  // namespace hubkeep::test
