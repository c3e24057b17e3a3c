#include "server/http/chunks.hpp"

#include "common/check.hpp"

namespace hubkeep {
namespace {

constexpr int max_digits = 15;  // so that no sum of sizes comes near 2^64
constexpr std::size_t max_extension_bytes = 8 * 1024;
constexpr std::size_t max_trailer_bytes = 16 * 1024;

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::unexpected<Error> broken(std::string_view what) {
    return fail(ErrorKind::protocol, "the chunked body is broken: " + std::string(what), 400);
}

}  // namespace

Result<std::size_t> ChunkDecoder::take(std::string_view text) {
    std::size_t used = 0;
    while (used < text.size() && state_ != State::data && state_ != State::done) {
        if (auto stepped = step(text[used]); !stepped) return std::unexpected(stepped.error());
        ++used;
    }
    return used;
}

void ChunkDecoder::data_read(std::uint64_t count) {
    CHECK(state_ == State::data && count <= left_);
    left_ -= count;
    if (left_ == 0) state_ = State::data_return;
}

Result<void> ChunkDecoder::step(char c) {
    const auto expect = [&](char wanted, State next) -> Result<void> {
        if (c != wanted) return broken("a line does not end in CR LF");
        state_ = next;
        return {};
    };
    switch (state_) {
        case State::size:
            return step_size(c);
        case State::extension:
            if (++extension_bytes_ > max_extension_bytes) return broken("extensions over 8 KiB");
            return step_text(c, State::size_feed);
        case State::size_feed:
            digits_ = 0;
            return expect('\n', left_ > 0 ? State::data : State::line);
        case State::data_return:
            return expect('\r', State::data_feed);
        case State::data_feed:
            return expect('\n', State::size);
        case State::line:  // the first byte of a trailer, or of the empty line that ends it all
            if (c == '\r') return expect('\r', State::end_feed);
            state_ = State::trailer;
            [[fallthrough]];
        case State::trailer:
            if (++trailer_bytes_ > max_trailer_bytes) return broken("trailers over 16 KiB");
            return step_text(c, State::trailer_feed);
        case State::trailer_feed:
            return expect('\n', State::line);
        case State::end_feed:
            return expect('\n', State::done);
        case State::data:
        case State::done:
            break;
    }
    return broken("bytes after its end");
}

Result<void> ChunkDecoder::step_size(char c) {
    const int value = hex_value(c);
    if (value >= 0) {
        if (++digits_ > max_digits) return broken("a chunk of impossible size");
        left_ = (digits_ == 1 ? 0 : left_) * 16 + static_cast<std::uint64_t>(value);
        return {};
    }
    if (digits_ == 0) return broken("a chunk without a size");
    if (c == '\r') {
        state_ = State::size_feed;
    } else if (c == ';') {
        state_ = State::extension;
    } else {
        return broken("a chunk size that is not hexadecimal");
    }
    return {};
}

Result<void> ChunkDecoder::step_text(char c, State at_return) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
        state_ = at_return;
    } else if ((byte < 0x20 && c != '\t') || byte == 0x7F) {
        return broken("a control byte");
    }
    return {};
}

}  // namespace hubkeep
