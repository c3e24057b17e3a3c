#pragma once
// Settings that are lists of maps, such as rules. Their text is YAML in flow style, in a file, a
// flag and a variable alike: [{name: ours, repos: [org/*], sharing: verify}]. Each type has a table
// of its fields; what is not in it is a mistake with a near name. Pure functions; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "config/settings.hpp"

namespace hubkeep {

// At most 1000 items. An error says which item and which field.
Result<void> read_value(std::string_view text, std::vector<AccessRule>& out);
Result<void> read_value(std::string_view text, std::vector<PolicyRule>& out);
Result<void> read_value(std::string_view text, std::vector<Team>& out);
Result<void> read_value(std::string_view text, std::vector<TokenSetting>& out);

// Fields that hold their default are left out.
std::string write_value(const std::vector<AccessRule>& value);
std::string write_value(const std::vector<PolicyRule>& value);
std::string write_value(const std::vector<Team>& value);
std::string write_value(const std::vector<TokenSetting>& value);

// A text as YAML takes it for the same text everywhere: plain, else in double quotes.
std::string yaml_text(const std::string& text);

}  // namespace hubkeep
