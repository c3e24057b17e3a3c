#pragma once
// RFC 4648 section 5 without padding: bytes as text that fits into URLs and headers. Pure
// functions.

#include <optional>
#include <string>
#include <string_view>

namespace hubkeep {

std::string to_base64url(std::string_view bytes);
// Nothing when it is not exactly what the other function would have written.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace hubkeep
