#pragma once
// What must not reach us and what nobody before it refuses: of requests parse_request() checks the
// lines alone, of answers Beast 1.81 lets through (RFC 9112 sections 3, 5.2, 6): any
// Transfer-Encoding but one "chunked" on HTTP/1.1, Transfer-Encoding beside Content-Length,
// repeated Content-Length, no Host or two, obs-fold, a target that is not origin-form, control
// bytes. Pure.

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/result.hpp"
#include "server/http/message.hpp"

namespace hubkeep {

struct Framing {
    enum class Body { none, length, chunked, until_close };
    Body body = Body::none;
    std::uint64_t length = 0;
    bool keep_alive = true;
};

// `raw` is the text of the head as it came, for what parsing hides (obs-fold).
// The error's code is the status to answer with: 400, 414, 431, 501 or 505.
Result<Framing> check_request(const RequestHead& head, std::string_view raw,
                              std::size_t max_fields);
// Of an upstream's answer to `method`. An error means that the connection must not be used again.
Result<Framing> check_response(const ResponseHead& head, int minor_version, std::string_view raw,
                               std::string_view method, std::size_t max_fields);

}  // namespace hubkeep
