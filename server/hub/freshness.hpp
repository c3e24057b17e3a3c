#pragma once
// Freshness: when an answer may be given without asking the Hub, and how the answer says where it
// came from. Pure functions on values; times are seconds since 1970, safe on any thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubkeep {

// Within ttl of its confirmation. Never with a ttl of 0, and not when the clock was set back behind
// the confirmation: then it is asked for once more.
bool is_fresh(std::int64_t confirmed_at, std::int64_t now, std::chrono::seconds ttl);

enum class Verdict {
    hit,          // from the cache, without asking
    miss,         // this request brought it in
    joined,       // read from a transfer that another request had started
    stale,        // from the cache, because the Hub could not be asked
    revalidated,  // from the cache, after the Hub confirmed it
    bypass,       // passed on and not kept
};

std::string_view name_of(Verdict verdict);

// Cache-Status (RFC 9211): "hubkeep; hit; ttl=42". `ttl` is what is left of the freshness, negative
// when it is over; `detail` is for people, printable ASCII.
std::string cache_status(Verdict verdict, std::optional<std::chrono::seconds> ttl = std::nullopt,
                         std::string_view detail = {});

// The value of X-HF-Warning for an answer that could not be confirmed. huggingface_hub logs the
// first message of each topic.
std::string stale_warning(std::string_view text);

}  // namespace hubkeep
