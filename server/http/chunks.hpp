#pragma once
// ChunkDecoder: the chunked coding of RFC 9112 section 7.1, strictly. It takes the text around the
// data and says where data begins; the data itself never passes through it. Extensions are skipped
// (8 KiB in a body at most), trailers are read and dropped (16 KiB at most). Pure.

#include <cstdint>
#include <string_view>

#include "common/result.hpp"

namespace hubkeep {

class ChunkDecoder {
  public:
    // Takes what it can and returns how much; it stops where data begins and at the end.
    // protocol when the coding is broken: the connection cannot be used any more.
    Result<std::size_t> take(std::string_view text);
    // Bytes of data that come next; while there are any, take() takes nothing.
    std::uint64_t data() const { return state_ == State::data ? left_ : 0; }
    void data_read(std::uint64_t count);
    bool done() const { return state_ == State::done; }

  private:
    enum class State {
        size,
        extension,
        size_feed,
        data,
        data_return,
        data_feed,
        line,
        trailer,
        trailer_feed,
        end_feed,
        done
    };
    Result<void> step(char c);
    Result<void> step_size(char c);
    Result<void> step_text(char c, State at_return);

    State state_ = State::size;
    std::uint64_t left_ = 0;
    int digits_ = 0;
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
};

}  // namespace hubkeep
