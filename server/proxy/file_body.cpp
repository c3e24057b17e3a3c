#include "server/proxy/file_body.hpp"

#include <algorithm>

namespace hubkeep {

FileBody::FileBody(ByteRange range)
    : frames_(Frames::unframed({0, range.end})), stretches_{{range, {}}} {}

ByteRange FileBody::hull() const {
    auto hull = file_range(stretches_.front());
    for (const auto& stretch : stretches_) {
        const auto range = file_range(stretch);
        hull = {std::min(hull.begin, range.begin), std::max(hull.end, range.end)};
    }
    return hull;
}

std::uint64_t FileBody::length() const {
    auto length = after_.size();
    for (const auto& stretch : stretches_) {
        length += stretch.before.size() + stretch.physical.size();
    }
    return length;
}

// The header in front of a piece belongs to it, and what is left of one behind the last piece.
ByteRange FileBody::physical(const Stretch& stretch, ByteRange piece) const {
    const auto range = file_range(stretch);
    return {piece.begin == range.begin ? stretch.physical.begin : frames_.physical_of(piece.begin),
            piece.end == range.end ? stretch.physical.end : frames_.physical_of(piece.end)};
}

Task<Result<void>> FileBody::send_all(Exchange& exchange, const File& file) const {
    for (const auto& stretch : stretches_) {
        auto sent = co_await begin(exchange, stretch);
        if (sent) sent = co_await send_file(exchange, stretch, file, file_range(stretch));
        if (!sent) co_return sent;
    }
    auto sent = co_await finish(exchange);
    co_return sent;
}

Task<Result<void>> FileBody::begin(Exchange& exchange, const Stretch& stretch) const {
    if (stretch.before.empty()) co_return Result<void>();
    auto sent = co_await exchange.send(stretch.before);
    co_return sent;
}

Task<Result<void>> FileBody::finish(Exchange& exchange) const {
    if (after_.empty()) co_return Result<void>();
    auto sent = co_await exchange.send(after_);
    co_return sent;
}

Task<Result<void>> FileBody::send_file(Exchange& exchange, const Stretch& stretch, const File& file,
                                       ByteRange piece) const {
    auto sent = co_await exchange.send_frames(file, frames_, physical(stretch, piece));
    co_return sent;
}

Task<Result<void>> FileBody::send(Exchange& exchange, const Stretch& stretch,
                                  std::uint64_t position, std::span<const char> piece) const {
    auto left = physical(stretch, {position, position + piece.size()});
    while (!left.empty()) {
        const auto frame = frames_.first_piece(left);
        if (!frame.header().empty()) {
            auto sent = co_await exchange.send(frame.header());
            if (!sent) co_return sent;
        }
        const auto data = piece.subspan(frame.data.begin - position, frame.data.size());
        auto sent = co_await exchange.send(data);
        if (!sent) co_return sent;
        left.begin += frame.size();
    }
    co_return Result<void>();
}

}  // namespace hubkeep
