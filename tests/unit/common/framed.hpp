#pragma once
// What Frames describes, put together byte by byte.

#include <string>

#include "common/frames.hpp"

namespace hubkeep::test {

// The size of the frame's data in small pieces, so that headers of different frames differ.
inline void write_size(std::uint64_t data_bytes, std::span<char> header) {
    for (std::size_t i = 0; i < header.size(); ++i) {
        header[i] = static_cast<char>('A' + (data_bytes >> (4 * i)) % 16);
    }
}

inline std::string framed(const std::string& content, const Frames& frames) {
    std::string layout;
    for (auto at = frames.file.begin; at < frames.file.end; at += frames.frame_bytes) {
        const auto size = std::min(frames.frame_bytes, frames.file.end - at);
        std::string header(frames.header_bytes, '\0');
        if (!header.empty()) frames.write_header(size, header);
        layout += header + content.substr(at, size);
    }
    return layout;
}

}  // namespace hubkeep::test
