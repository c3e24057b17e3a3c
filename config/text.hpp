#pragma once
// Text in messages about settings: quoted so that no file or variable can write to the terminal,
// and the name that was probably meant. Pure functions; any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hubkeep {

bool is_digit(char c);
std::string to_lower(std::string_view text);  // ASCII only
std::string replace_all(std::string_view text, char from, char to);
// "a, b" as its items, trimmed; an empty text has none.
std::vector<std::string> split_list(std::string_view text);

// "text" in quotes: control bytes escaped, cut at 80 bytes, and what looks like a token of the Hub
// (it was put in the wrong place) masked.
std::string in_quotes(std::string_view text);
// Every byte that is not printable ASCII as "\xNN".
std::string printable(std::string_view text);
// True for the form of the Hub's own tokens: hf_ and many letters.
bool looks_like_token(std::string_view text);

// The candidate that `word` is a misspelling of, or an empty text when none is near.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace hubkeep
