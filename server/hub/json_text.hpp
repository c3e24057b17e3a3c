#pragma once
// JSON as text: documents of the Hub are checked whole, and then cut or read in place. Building a
// tree of values and writing it again would change what must stay as it is (large numbers, the form
// of fractions, escapes, doubled keys) and take many times the memory of the text. Pure functions
// on text; they do not recurse, so depth cannot exhaust a stack. Only check_json() may be given
// text that was not checked before.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace hubkeep {

inline constexpr std::size_t max_json_size = 64 * 1024 * 1024;
inline constexpr std::size_t max_json_depth = 100;

// One whole JSON document within the limits; `protocol` otherwise.
Result<void> check_json(std::string_view text);

// The text without the members (at any depth) whose key is one of those that `unwanted` accepts.
// Keys are given decoded.
std::string without_members(std::string_view checked,
                            const std::function<bool(std::string_view key)>& unwanted);

// The text of the value of a member of the outermost object.
std::optional<std::string_view> member_text(std::string_view checked, std::string_view name);

// The elements of the outermost array, one after the other; none when the text is no array. The
// text must live as long.
class JsonElements {
  public:
    explicit JsonElements(std::string_view checked);
    std::optional<std::string_view> next();

  private:
    std::string_view text_;
    std::size_t at_ = 0;
};

// The value when the text is a string, true or false.
std::optional<std::string> as_string(std::string_view value_text);
std::optional<bool> as_bool(std::string_view value_text);

}  // namespace hubkeep
