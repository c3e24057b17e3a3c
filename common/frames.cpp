#include "common/frames.hpp"

namespace hubkeep {

Frames Frames::unframed(ByteRange file) {
    return {.file = file, .frame_bytes = std::max<std::uint64_t>(file.size(), 1)};
}

std::uint64_t Frames::physical_of(std::uint64_t position) const {
    const auto data = position - file.begin;
    const auto whole = data / frame_bytes;
    const auto begun = data % frame_bytes != 0 ? 1 : 0;
    return data + (whole + begun) * header_bytes;
}

std::uint64_t Frames::physical_size() const {
    return physical_of(file.end);
}

std::uint64_t Frames::position_of(std::uint64_t physical) const {
    const auto stride = header_bytes + frame_bytes;
    const auto inside = physical % stride;
    const auto behind_header = inside > header_bytes ? inside - header_bytes : 0;
    return std::min(file.end, file.begin + physical / stride * frame_bytes + behind_header);
}

ByteRange Frames::data_in(ByteRange physical) const {
    return {position_of(physical.begin), position_of(physical.end)};
}

FramePiece Frames::first_piece(ByteRange physical) const {
    const auto stride = header_bytes + frame_bytes;
    const auto begin = physical.begin / stride * stride;  // of the frame
    const auto inside = physical.begin - begin;
    const auto end = std::min(physical.end, begin + stride);
    FramePiece piece{.data = data_in({physical.begin, end})};
    if (inside >= header_bytes || physical.empty()) return piece;
    const auto position = file.begin + physical.begin / stride * frame_bytes;
    write_header(std::min(frame_bytes, file.end - position), {piece.text.data(), header_bytes});
    piece.first = inside;
    piece.last = std::min(header_bytes, end - begin);
    return piece;
}

}  // namespace hubkeep
