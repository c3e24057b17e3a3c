#pragma once
// Dates of HTTP header fields (RFC 9110 section 5.6.7): the preferred form and the two obsolete
// ones, which every recipient has to read. Pure.

#include <cstdint>
#include <optional>
#include <string_view>

namespace hubkeep {

// Seconds since 1970; nothing for any other form, another time zone or an impossible date. `now`
// gives the century of the form whose year has two digits.
std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now);

}  // namespace hubkeep
