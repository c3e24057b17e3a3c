#pragma once
// Which header fields cross hubkeep on routes that it passes on or keeps as they are. Unknown ones
// do: the API's newest parameters and results travel in fields that nobody here has heard of (RFC
// 9110 section 5.1). What must not cross is listed: fields of one connection, credentials and
// traces of a person, what binds a browser to the Hub's host, and what only the other side's own
// exchange is about. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "server/hub/metadata.hpp"

namespace hubkeep {

// Names in any case. `passed_up`: from a client to the Hub; `passed_down`: from the Hub to a
// client.
bool is_passed_up(std::string_view name);
bool is_passed_down(std::string_view name);

// What stays of an answer's fields when it is kept or passed on: what is passed down, and is not
// named in Connection (RFC 9110 section 7.6.1).
HeaderFields kept_fields(const HeaderFields& answer);
// Lines "Name: value\n" and back, for the index. Values have no line ends.
std::string fields_to_text(const HeaderFields& fields);
HeaderFields fields_from_text(std::string_view text);

std::string lower_case(std::string_view text);
// The members of a comma-separated list of tokens, in lower case; empty ones are left out.
std::vector<std::string> list_members(std::string_view list);

}  // namespace hubkeep
