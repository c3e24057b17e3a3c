#include "config/units.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>

#include "config/text.hpp"

namespace hubkeep {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first: formatting takes the first that fits.
constexpr std::array size_units{Unit{"PiB", 1ULL << 50}, Unit{"PB", 1'000'000'000'000'000ULL},
                                Unit{"TiB", 1ULL << 40}, Unit{"TB", 1'000'000'000'000ULL},
                                Unit{"GiB", 1ULL << 30}, Unit{"GB", 1'000'000'000ULL},
                                Unit{"MiB", 1ULL << 20}, Unit{"MB", 1'000'000ULL},
                                Unit{"KiB", 1ULL << 10}, Unit{"kB", 1'000ULL},
                                Unit{"B", 1ULL}};

constexpr std::array time_units{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                                Unit{"s", 1'000}, Unit{"ms", 1}};

constexpr long double max_bytes = 9.2e18L;
constexpr long double max_milliseconds = 100.0L * 366 * 86'400'000;

struct Quantity {
    long double number = 0;
    std::string_view number_text;
    std::string_view unit;  // as written, may be empty
};

// "1.5 TiB": digits with at most one point, then a word. No sign, no exponent.
std::optional<Quantity> split(std::string_view text) {
    const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
    Quantity quantity{.number_text = text.substr(0, digits), .unit = text.substr(digits)};
    if (digits == 0 || !is_digit(text.front())) return std::nullopt;
    const char* const end = quantity.number_text.data() + digits;
    const auto read = std::from_chars(quantity.number_text.data(), end, quantity.number,
                                      std::chars_format::fixed);
    if (read.ec != std::errc() || read.ptr != end || end[-1] == '.') return std::nullopt;
    while (quantity.unit.starts_with(' ')) quantity.unit.remove_prefix(1);
    return quantity;
}

std::optional<std::uint64_t> factor_of(std::string_view unit, std::span<const Unit> units) {
    for (const auto& candidate : units) {
        if (to_lower(candidate.name) == to_lower(unit)) return candidate.factor;
    }
    return std::nullopt;
}

std::unexpected<Error> refuse_size(std::string_view text, const std::optional<Quantity>& quantity) {
    if (quantity && quantity->unit.empty()) {
        return fail(ErrorKind::invalid,
                    fmt::format("{0} has no unit: write {1}B, {1}MB, {1}GiB or another unit",
                                in_quotes(text), quantity->number_text));
    }
    const auto prefix = quantity ? to_lower(quantity->unit) : std::string();
    if (prefix.size() == 1 && std::string_view("kmgtp").contains(prefix[0])) {
        const auto letter = static_cast<char>(prefix[0] - 'a' + 'A');
        return fail(
            ErrorKind::invalid,
            fmt::format("{0} may mean two sizes: write {1}{2}B or {1}{3}iB", in_quotes(text),
                        quantity->number_text, letter == 'K' ? 'k' : letter, letter));
    }
    return fail(ErrorKind::invalid, in_quotes(text) + " is not a size such as 500GB or 1.5TiB");
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    const auto quantity = split(text);
    const auto factor = quantity ? factor_of(quantity->unit, size_units) : std::nullopt;
    if (!factor) return refuse_size(text, quantity);
    const long double bytes = std::round(quantity->number * static_cast<long double>(*factor));
    if (bytes > max_bytes)
        return fail(ErrorKind::invalid, in_quotes(text) + " is larger than any disk");
    return static_cast<std::uint64_t>(bytes);
}

std::string format_size(std::uint64_t bytes) {
    for (const auto& unit : size_units) {
        const auto thousandths = bytes % unit.factor * 1000;
        if (bytes < unit.factor || thousandths % unit.factor != 0) continue;
        auto text = fmt::format("{}.{:03}", bytes / unit.factor, thousandths / unit.factor);
        text.erase(text.find_last_not_of('0') + 1);
        if (text.ends_with('.')) text.pop_back();
        return text + std::string(unit.name);
    }
    return "0B";
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    if (text == "0") return std::chrono::milliseconds(0);
    const auto quantity = split(text);
    const auto factor = quantity ? factor_of(quantity->unit, time_units) : std::nullopt;
    if (!factor && quantity && quantity->unit.empty()) {
        return fail(ErrorKind::invalid, fmt::format("{0} has no unit: write {1}s, {1}m or {1}ms",
                                                    in_quotes(text), quantity->number_text));
    }
    if (!factor) {
        return fail(ErrorKind::invalid,
                    in_quotes(text) + " is not a time such as 250ms, 60s, 10m, 24h or 7d");
    }
    const long double time = quantity->number * static_cast<long double>(*factor);
    if (time > max_milliseconds) {
        return fail(ErrorKind::invalid, in_quotes(text) + " is longer than 100 years");
    }
    // Never to 0, which means something else.
    if (time > 0 && time < 1)
        return fail(ErrorKind::invalid, in_quotes(text) + " is less than 1ms");
    return std::chrono::milliseconds(std::llround(time));
}

std::string format_duration(std::chrono::milliseconds time) {
    const auto count = static_cast<std::uint64_t>(time.count());
    for (const auto& unit : time_units) {
        // A single unit reads better in the next smaller one: 60s, not 1m.
        const bool fits = count % unit.factor == 0 && count / unit.factor >= 2;
        if (fits) return fmt::format("{}{}", count / unit.factor, unit.name);
    }
    return count == 0 ? "0" : fmt::format("{}ms", count);
}

Result<double> parse_percent(std::string_view text) {
    const auto quantity = split(text);
    if (!quantity || quantity->unit != "%") {
        return fail(ErrorKind::invalid, in_quotes(text) + " is not a percentage such as 85%");
    }
    const auto percent = static_cast<double>(quantity->number);
    if (percent <= 0 || percent > 100) {
        return fail(ErrorKind::invalid, in_quotes(text) + " is not more than 0% and at most 100%");
    }
    return percent;
}

std::string format_percent(double percent) {
    return fmt::format("{}%", percent);
}

}  // namespace hubkeep
