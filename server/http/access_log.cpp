#include "server/http/access_log.hpp"

#include "common/redact.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_target = 2048;
constexpr std::size_t max_user_agent = 120;

}  // namespace

void write_access(Log& log, const AccessEntry& entry) {
    if (!log.enabled(LogLevel::info)) return;
    // Before it is cut: half a token would not be known for one.
    const auto clean = redacted(entry.target);
    const std::string_view target = clean ? *clean : entry.target;
    const auto user_agent = redacted(entry.user_agent);
    const std::string_view agent = user_agent ? *user_agent : entry.user_agent;
    log.info("request", {{"id", entry.id},
                         {"client", entry.client},
                         {"user", entry.user},
                         {"team", entry.team},
                         {"method", entry.method},
                         {"path", target.substr(0, max_target)},
                         {"status", entry.status},
                         {"bytes", entry.bytes},
                         {"time_ms", entry.time_ms},
                         {"first_byte_ms", entry.first_byte_ms},
                         {"cache", entry.cache},
                         {"upstream_bytes", entry.upstream_bytes},
                         {"rule", entry.rule},
                         {"end", entry.end},
                         {"ua", agent.substr(0, max_user_agent)}});
}

}  // namespace hubkeep
