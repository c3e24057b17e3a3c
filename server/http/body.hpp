#pragma once
// BodyReader: the body of one message, as its framing says, from what is already in the input
// buffer and then straight from the stream into the caller's memory. Lives within the exchange that
// owns stream and buffer. Errors: closed (shorter than promised), protocol, and those of the
// stream.

#include "server/http/chunks.hpp"
#include "server/http/framing.hpp"
#include "server/http/head.hpp"

namespace hubkeep {

class BodyReader {
  public:
    BodyReader(Stream& stream, InputBuffer& input, const Framing& framing);

    // Up to the buffer's size; 0 at the end, then and later. The caller sets the deadline.
    Task<Result<std::size_t>> read_some(std::span<char> buffer);
    // All of it was read: the next byte on the connection belongs to the next message.
    bool complete() const { return complete_; }
    std::uint64_t received() const { return received_; }

  private:
    Task<Result<std::size_t>> read_chunked(std::span<char> buffer);
    Task<Result<std::size_t>> take(std::span<char> buffer);
    std::unexpected<Error> cut_short() const;

    Stream& stream_;
    InputBuffer& input_;
    const Framing framing_;
    ChunkDecoder chunks_;
    std::uint64_t received_ = 0;
    bool complete_ = false;
};

}  // namespace hubkeep
