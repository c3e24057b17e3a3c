#pragma once
// The access log: one line per request that was answered, refused or left behind. Private to
// server/http.

#include <cstdint>
#include <string_view>

#include "common/log.hpp"

namespace hubkeep {

struct AccessEntry {
    std::string_view id;
    std::string_view client;
    std::string_view method;
    std::string_view target;
    std::string_view user_agent;
    int status = 0;           // 499: the client left before the answer
    std::uint64_t bytes = 0;  // of the body, as sent
    double time_ms = 0;
    double first_byte_ms = 0;  // 0 when nothing was sent
    std::string_view cache;
    std::uint64_t upstream_bytes = 0;
    std::string_view rule;
    std::string_view user;  // "" for an anonymous one
    std::string_view team;
    std::string_view end;  // complete, client_left or cut
};

// The target is cut to 2 KiB.
void write_access(Log& log, const AccessEntry& entry);

}  // namespace hubkeep
