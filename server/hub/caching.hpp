#pragma once
// Caching: what an answer of the Hub's API says about keeping it (RFC 9111), and what a stored one
// may be used for. hubkeep is a shared cache. Where the Hub says nothing about freshness, a setting
// decides; there is no guessing from Last-Modified. Pure functions on values, safe on any thread;
// times are seconds since 1970.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/hub/metadata.hpp"

namespace hubkeep {

// The directives of Cache-Control that matter here. Of one that is repeated, the stricter counts;
// an age that is not a number of seconds is 0, so that nobody trusts what cannot be read.
struct CacheControl {
    bool no_store = false;
    bool no_cache = false;  // also with a list of fields: the whole answer is confirmed then
    bool is_private = false;
    bool must_revalidate = false;  // or proxy-revalidate
    bool must_understand = false;
    std::optional<std::int64_t> max_age;
    std::optional<std::int64_t> s_maxage;
};
CacheControl parse_cache_control(std::string_view value);

// All lines of one field, joined with ", " (RFC 9110 section 5.3); "" when there is none.
std::string joined_field(const HeaderFields& fields, std::string_view name);

// What may be done with an answer, from its status and its fields.
struct CachingPolicy {
    bool may_store = false;
    bool confirm_always = false;   // no-cache
    bool stale_forbidden = false;  // must-revalidate and its kin: not even when the Hub is gone
    // How long it stays fresh from its own date on; nothing where the Hub does not say.
    std::optional<std::int64_t> lifetime_seconds;
};
CachingPolicy caching_policy(int status, const HeaderFields& fields, std::int64_t received_at);

// RFC 9111 section 4.2.3.
std::int64_t current_age(const HeaderFields& fields, std::int64_t received_at, std::int64_t now);

// Whether a stored answer may be served unasked. `ttl` counts where the Hub names no lifetime.
bool is_fresh(const CachingPolicy& policy, const HeaderFields& fields, std::int64_t received_at,
              std::int64_t now, std::chrono::seconds ttl);

// The request fields that select among the answers of one URL (Vary), in lower case and sorted:
// those alone that hubkeep passes to the Hub, because others cannot have made a difference.
std::vector<std::string> selecting_fields(const HeaderFields& answer);
// One text for the values that a request has for them; equal texts select the same answer.
std::string selection(const std::vector<std::string>& names, const HeaderFields& request);

// A stored answer that the Hub confirmed with a 304: what the 304 says is newer (RFC 9111 section
// 3.2), except about the body and the validator that it was confirmed by.
HeaderFields updated_by(const HeaderFields& stored, const HeaderFields& confirmation);

// Whether a client that has such a copy needs no other (RFC 9110 section 13.2.2): only the two
// conditions that make a 304.
bool is_not_modified(std::string_view if_none_match, std::string_view if_modified_since,
                     const HeaderFields& stored, std::int64_t now);

}  // namespace hubkeep
