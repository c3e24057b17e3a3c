#pragma once
// How an answer is framed, and its head as text with the fields that every answer carries. Pure.
// Private to server/http.

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "server/http/message.hpp"

namespace hubkeep {

struct AnswerBody {
    enum class Kind { none, length, chunked, until_close };
    Kind kind = Kind::none;
    std::uint64_t length = 0;
};

// RFC 9112 section 6.3. A Content-Length that is not a number is as good as none.
AnswerBody frame_answer(const ResponseHead& head, const RequestHead& request);

struct CommonFields {
    std::string_view date;
    std::string_view request_id;
    std::string_view connection;  // "close", "keep-alive" or nothing
    bool open_to_pages = true;    // with CORS fields
};

// Appends the head with its empty line. Framing fields come from `body`, whatever the head says.
void append_head(std::string& out, const ResponseHead& head, AnswerBody body,
                 const CommonFields& common);

// RFC 9110 section 5.6.7, remembered for a second. One per connection.
class DateText {
  public:
    std::string_view now();

  private:
    std::time_t second_ = 0;
    std::string text_;
};

}  // namespace hubkeep
