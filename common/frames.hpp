#pragma once
// Frames: how a stretch of a file looks when a header stands before every `frame_bytes` of it; the
// last frame is as long as what is left. A value: pure, of any thread. Two kinds of offsets: a
// position is one in the file, a physical offset counts headers and data from the first header on.
// For files up to 2^52 bytes and headers up to 16, no result overflows.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/byte_range.hpp"

namespace hubkeep {

// What is left of a header, then data behind it; either may be empty.
struct FramePiece {
    static constexpr std::size_t max_header_bytes = 16;

    std::array<char, max_header_bytes> text{};  // of the whole header
    std::size_t first = 0;
    std::size_t last = 0;
    ByteRange data;  // positions

    std::span<const char> header() const { return {text.data() + first, last - first}; }
    std::uint64_t size() const { return last - first + data.size(); }
};

struct Frames {
    // Fills in the header of a frame of so many bytes; `header` has the size of one.
    using WriteHeader = void (*)(std::uint64_t data_bytes, std::span<char> header);

    ByteRange file;                  // the stretch
    std::uint64_t frame_bytes = 0;   // of data, not 0
    std::uint64_t header_bytes = 0;  // up to FramePiece::max_header_bytes
    WriteHeader write_header = nullptr;

    // The bytes themselves: no headers.
    static Frames unframed(ByteRange file);

    std::uint64_t physical_size() const;
    // Of the byte at a position in [file.begin, file.end]; of its frame's header when it is the
    // frame's first.
    std::uint64_t physical_of(std::uint64_t position) const;
    // Of the first byte of data at a physical offset or behind it, file.end when there is none.
    std::uint64_t position_of(std::uint64_t physical) const;
    // The data in a physical range; empty when it has nothing but a part of a header.
    ByteRange data_in(ByteRange physical) const;
    // As much of a physical range as lies in its first frame.
    FramePiece first_piece(ByteRange physical) const;
};

}  // namespace hubkeep
