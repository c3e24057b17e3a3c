#pragma once
// Heads as text and back: where one ends, and what it says. Text is complete and bounded when it is
// parsed; answers are parsed by Beast. What is let through here is left to framing. Private to
// server/http.
// Errors are protocol with the status to answer (400, 414, 431, 505), or those of the stream.

#include <memory>
#include <span>
#include <string_view>

#include "common/secret.hpp"
#include "server/http/message.hpp"
#include "server/net/stream.hpp"

namespace hubkeep {

// Bytes that have arrived and are not used yet. Grows to its limit only when a head needs it. What
// was used is wiped: a head may have brought a token.
class InputBuffer {
  public:
    explicit InputBuffer(std::size_t limit) : limit_(limit) {}
    InputBuffer(InputBuffer&&) = default;
    ~InputBuffer() { wipe_memory(data_.get(), data_ ? end_ : 0); }

    std::string_view text() const { return {data_.get() + begin_, end_ - begin_}; }
    bool empty() const { return begin_ == end_; }
    bool full() const { return text().size() == limit_; }
    void consume(std::size_t count);
    // Room for at least one byte, unless full. What text() gave is then invalid.
    std::span<char> space();
    void produced(std::size_t count) { end_ += count; }
    // Gives the memory back, when empty.
    void release();

  private:
    const std::size_t limit_;
    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

// Looks for the empty line that ends a head. Keeps its place, so every byte is looked at once.
class HeadScanner {
  public:
    // The size of the head with its empty line, 0 when more is needed; refuses bare line feeds.
    Result<std::size_t> scan(std::string_view text);

  private:
    std::size_t seen_ = 0;
    std::size_t line_ = 0;  // where the current line begins
};

struct ParsedResponse {
    ResponseHead head;
    int minor_version = 1;
};

// `text` is a whole head as HeadScanner found it. Errors: protocol with the status to answer with.
Result<RequestHead> parse_request(std::string_view text, std::size_t max_fields);
Result<ParsedResponse> parse_response(std::string_view text);

}  // namespace hubkeep
