#include "server/http/access_log.hpp"

#include <algorithm>
#include <array>

namespace hubkeep {
namespace {

constexpr std::size_t max_target = 2048;
constexpr std::size_t max_user_agent = 120;

bool is_secret_key(std::string_view key) {
    std::string name(key);
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    constexpr std::array<std::string_view, 5> parts = {"token", "secret", "auth", "sig", "passw"};
    const auto contains = [&](std::string_view part) { return name.find(part) != name.npos; };
    return name == "key" || name == "policy" || name.starts_with("x-amz-") ||
           name.starts_with("x-goog-") || std::ranges::any_of(parts, contains);
}

}  // namespace

std::string redact_target(std::string_view target) {
    const auto mark = target.find('?');
    std::string out(target.substr(0, mark));
    std::string_view query = mark == target.npos ? "" : target.substr(mark + 1);
    char separator = '?';
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        const auto key = pair.substr(0, pair.find('='));
        out += separator;
        out += is_secret_key(key) && key.size() < pair.size() ? std::string(key) + "="
                                                              : std::string(pair);
        separator = '&';
        query.remove_prefix(std::min(query.size(), end + 1));
    }
    if (out.size() > max_target) out.resize(max_target);
    return out;
}

void write_access(Log& log, const AccessEntry& entry) {
    if (!log.enabled(LogLevel::info)) return;
    const std::string path = redact_target(entry.target);
    log.info("request", {{"id", entry.id},
                         {"client", entry.client},
                         {"user", entry.user},
                         {"team", entry.team},
                         {"method", entry.method},
                         {"path", path},
                         {"status", entry.status},
                         {"bytes", entry.bytes},
                         {"time_ms", entry.time_ms},
                         {"first_byte_ms", entry.first_byte_ms},
                         {"cache", entry.cache},
                         {"upstream_bytes", entry.upstream_bytes},
                         {"rule", entry.rule},
                         {"end", entry.end},
                         {"ua", entry.user_agent.substr(0, max_user_agent)}});
}

}  // namespace hubkeep
