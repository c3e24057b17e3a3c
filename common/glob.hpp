#pragma once
// Glob patterns over names: "*" is any text (slashes too), "?" one byte, everything else itself.
// Bytes are compared as they are, without a locale. Pure; time is bounded by the product of the two
// lengths. Any thread.

#include <string_view>

namespace hubkeep {

bool glob_matches(std::string_view pattern, std::string_view text);
// The same with "A" and "a" alike; ASCII only.
bool glob_matches_any_case(std::string_view pattern, std::string_view text);

}  // namespace hubkeep
