#pragma once
// The Hub's quota as it tells it: every answer carries `RateLimit: "resolvers";r=2997;t=258` and
// `RateLimit-Policy: "fixed window";"resolvers";q=3000;w=300` (draft-ietf-httpapi-ratelimit-headers
// in the Hub's spelling). Pure functions on values; any thread. Times are seconds.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubkeep {

// The Hub counts requests apart by what they are for.
enum class Bucket { api, resolvers, pages };
inline constexpr int bucket_count = 3;

std::string_view name_of(Bucket bucket);
// Which one a request counts in, by its target.
Bucket bucket_of(std::string_view target);

struct RateLimit {
    std::string bucket;  // as named by the sender, letters, digits, space, "-" and "_" only
    std::uint64_t left = 0;
    std::int64_t reset_seconds = 0;  // at most an hour
};

struct RateLimitPolicy {
    std::string bucket;
    std::uint64_t quota = 0;
    std::int64_t window_seconds = 0;
};

// The first limit of the list; nothing when it is malformed.
std::optional<RateLimit> parse_rate_limit(std::string_view text);
std::optional<RateLimitPolicy> parse_rate_limit_policy(std::string_view text);
std::string to_text(const RateLimit& limit);
std::string to_text(const RateLimitPolicy& policy);

}  // namespace hubkeep
