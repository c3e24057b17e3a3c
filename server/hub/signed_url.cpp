#include "server/hub/signed_url.hpp"

#include <chrono>
#include <string>

#include "common/byte_range.hpp"
#include "server/hub/query.hpp"

namespace hubkeep {
namespace {

constexpr std::uint64_t latest_second = 253'402'300'799;  // 9999-12-31T23:59:59Z

std::optional<std::int64_t> number(std::string_view text) {
    const auto value = parse_u64(text);
    if (!value || *value > latest_second) return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

// "20261121T193000Z", and the extended form with its dashes and colons (ISO 8601), in UTC.
std::optional<std::int64_t> instant(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c >= '0' && c <= '9') digits += c;
        else if (c != '-' && c != ':' && c != 'T' && c != 'Z') return std::nullopt;
    }
    if (digits.size() != 14 || !text.ends_with('Z')) return std::nullopt;
    const auto part = [&](std::size_t at, std::size_t size) {
        return static_cast<int>(*parse_u64(std::string_view(digits).substr(at, size)));
    };
    const std::chrono::year_month_day date{std::chrono::year(part(0, 4)),
                                           std::chrono::month(static_cast<unsigned>(part(4, 2))),
                                           std::chrono::day(static_cast<unsigned>(part(6, 2)))};
    const int hour = part(8, 2);
    const int minute = part(10, 2);
    const int second = part(12, 2);
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const auto day = std::chrono::sys_days(date).time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(day).count() + hour * 3600 +
           minute * 60 + second;
}

std::optional<std::int64_t> after(std::string_view query, std::string_view vendor) {
    const auto prefix = "X-" + std::string(vendor);
    const auto begin = query_value(query, prefix + "-Date");
    const auto length = query_value(query, prefix + "-Expires");
    if (!begin || !length) return std::nullopt;
    const auto from = instant(*begin);
    const auto seconds = number(*length);
    if (!from || !seconds) return std::nullopt;
    return *from + *seconds;
}

}  // namespace

std::optional<std::int64_t> signed_until(std::string_view query) {
    if (const auto until = query_value(query, "Expires")) {
        return number(std::string_view(*until).substr(0, until->find('.')));
    }
    if (const auto until = query_value(query, "se")) return instant(*until);
    const auto amazon = after(query, "Amz");
    return amazon ? amazon : after(query, "Goog");
}

}  // namespace hubkeep
