#include "config/client_words.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

#include "common/byte_range.hpp"
#include "config/text.hpp"
#include "config/units.hpp"

namespace hubkeep {
namespace {

namespace json = boost::json;

// The last second of "2026-12-31".
std::optional<std::int64_t> end_of_day(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = parse_u64(text.substr(0, 4));
    const auto month = parse_u64(text.substr(5, 2));
    const auto day = parse_u64(text.substr(8, 2));
    if (!year || !month || !day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    const auto next = std::chrono::sys_days(date) + std::chrono::days(1);
    return std::chrono::duration_cast<std::chrono::seconds>(next.time_since_epoch()).count() - 1;
}

json::value time_or_null(std::optional<std::int64_t> time) {
    if (!time || *time == 0) return nullptr;
    return json::string(time_text(*time));
}

}  // namespace

Result<std::int64_t> parse_expiry(std::string_view text, std::int64_t now) {
    auto at = end_of_day(text);
    const auto time = parse_duration(text);
    if (!at && time) {
        at = now + std::chrono::duration_cast<std::chrono::seconds>(*time).count();
    }
    if (!at) {
        return fail(ErrorKind::invalid,
                    in_quotes(text) +
                        " is neither a time such as 90d or 12h nor a day such as "
                        "2026-12-31");
    }
    if (*at <= now) return fail(ErrorKind::invalid, in_quotes(text) + " is not in the future");
    return *at;
}

std::string time_text(std::int64_t time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(time)));
}

std::string to_json(const std::vector<ClientReport>& reports, std::int64_t now) {
    json::array clients;
    for (const auto& [key, last_used] : reports) {
        clients.push_back(
            {{"name", key.name},
             {"team", key.team},
             {"fingerprint", key.fingerprint()},
             {"created", time_or_null(key.created)},
             {"expires", time_or_null(key.expires)},
             {"expired", key.is_expired(now)},
             {"last_used", time_or_null(last_used)},
             {"repos", json::array(key.repos.begin(), key.repos.end())},
             {"limits",
              {{"concurrent", key.limits.concurrent}, {"per_minute", key.limits.per_minute}}}});
    }
    return json::serialize(json::object{{"clients", std::move(clients)}});
}

}  // namespace hubkeep
