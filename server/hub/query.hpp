#pragma once
// The query of a target: read, and written in one form for cache keys. Clients spell one question
// in many ways: Python's requests sends True, httpx and JavaScript send true or 1, lists repeat
// their key or write it as key[]. Pure functions; the length of a query is bounded by the limit on
// targets.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubkeep {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

// Decoded, in the order sent; "+" is a space. What cannot be decoded stays as it is, because an
// unknown parameter must never fail a request.
QueryParameters parse_query(std::string_view query);

// The first value of that name; nothing when it is absent.
std::optional<std::string> query_value(std::string_view query, std::string_view name);
// True for ?name, ?name=1 and ?name=true in any case.
bool query_flag(std::string_view query, std::string_view name);

// The parameters that change the body of each listing of the Hub.
inline constexpr std::initializer_list<std::string_view> info_parameters{"blobs", "securityStatus",
                                                                         "expand", "full"};
inline constexpr std::initializer_list<std::string_view> tree_parameters{"recursive", "expand",
                                                                         "limit", "cursor"};
inline constexpr std::initializer_list<std::string_view> refs_parameters{"include_prs"};

// One text for all spellings of one question, which is a query itself: names in `known` only,
// sorted, without doubles, booleans as the Hub's own clients send them, a boolean that is false
// left out because that is the default. `cursor` always stays: a client that pages by itself would
// otherwise get the first page for ever.
std::string normalised_query(std::string_view query, std::initializer_list<std::string_view> known);

}  // namespace hubkeep
