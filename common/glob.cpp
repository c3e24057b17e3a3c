#include "common/glob.hpp"

#include <cstddef>

namespace hubkeep {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// On a mismatch the last star takes one byte more; an earlier star never has to be tried again.
template <typename Equal>
bool matches(std::string_view pattern, std::string_view text, Equal equal) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t after_star = std::string_view::npos;
    std::size_t star_end = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            after_star = ++p;
            star_end = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || equal(pattern[p], text[t]))) {
            ++p;
            ++t;
        } else if (after_star != std::string_view::npos) {
            p = after_star;
            t = ++star_end;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
    return matches(pattern, text, [](char a, char b) { return a == b; });
}

bool glob_matches_any_case(std::string_view pattern, std::string_view text) {
    return matches(pattern, text, [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace hubkeep
