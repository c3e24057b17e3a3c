#pragma once
// Keys of clients as people and scripts write and read them. Pure functions; any thread.

#include "config/client_keys.hpp"

namespace hubkeep {

// A key for the operator's eyes.
struct ClientReport {
    ClientKey key;
    std::int64_t last_used = 0;  // 0: not known
};

// "90d" and other times from now on, or a day, "2026-12-31", at whose end (UTC) the key expires.
// It must be to come. The error follows the name of what was given.
Result<std::int64_t> parse_expiry(std::string_view text, std::int64_t now);

// "2026-12-31T23:59:59Z".
std::string time_text(std::int64_t time);

// {"clients": [{"name": "ci", ...}]}: what GET /clients and `hubkeep client ls --json` tell.
std::string to_json(const std::vector<ClientReport>& reports, std::int64_t now);

}  // namespace hubkeep
