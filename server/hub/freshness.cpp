#include "server/hub/freshness.hpp"

#include <fmt/format.h>

#include "server/hub/errors.hpp"
#include "server/hub/names.hpp"

namespace hubkeep {
namespace {

// The parameters of RFC 9211 section 2. A transfer that others follow is collapsed forwarding.
std::string_view parameters_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::hit:
        case Verdict::stale: return "hit";
        case Verdict::miss: return "fwd=miss; stored";
        case Verdict::joined: return "fwd=miss; collapsed";
        case Verdict::revalidated: return "fwd=stale";
        case Verdict::bypass: return "fwd=bypass";
    }
    return "fwd=bypass";
}

// An sf-string (RFC 8941 section 3.3.3).
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : clean_message(text)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

}  // namespace

bool is_fresh(std::int64_t confirmed_at, std::int64_t now, std::chrono::seconds ttl) {
    return now >= confirmed_at && now - confirmed_at < ttl.count();
}

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::hit: return "hit";
        case Verdict::miss: return "miss";
        case Verdict::joined: return "joined";
        case Verdict::stale: return "stale";
        case Verdict::revalidated: return "revalidated";
        case Verdict::bypass: return "bypass";
    }
    return "bypass";
}

std::string cache_status(Verdict verdict, std::optional<std::chrono::seconds> ttl,
                         std::string_view detail) {
    std::string out = fmt::format("hubkeep; {}", parameters_of(verdict));
    if (ttl) out += fmt::format("; ttl={}", ttl->count());
    if (!detail.empty()) out += "; detail=" + quoted(detail);
    return out;
}

std::string stale_warning(std::string_view text) {
    return "hubkeep; " + clean_message(text);
}

}  // namespace hubkeep
