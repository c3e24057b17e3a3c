#pragma once
// The optional whitespace of HTTP fields and of what people type: spaces and tabs. Pure.

#include <string_view>

namespace hubkeep {

inline std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace hubkeep
