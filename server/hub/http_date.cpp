#include "server/hub/http_date.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "common/byte_range.hpp"

namespace hubkeep {
namespace {

constexpr std::array<std::string_view, 7> days = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 7> long_days = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Takes parts off the front of the text; once one does not fit, all later ones fail.
class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    void literal(std::string_view expected) {
        good_ = good_ && text_.starts_with(expected);
        if (good_) text_.remove_prefix(expected.size());
    }
    template <std::size_t N>
    unsigned one_of(const std::array<std::string_view, N>& names) {
        for (unsigned i = 0; good_ && i < N; ++i) {
            if (!text_.starts_with(names[i])) continue;
            text_.remove_prefix(names[i].size());
            return i;
        }
        good_ = false;
        return 0;
    }
    unsigned number(std::size_t digits, bool padded_with_space = false) {
        auto part = text_.substr(0, digits);
        good_ = good_ && part.size() == digits;
        if (good_) text_.remove_prefix(digits);
        if (padded_with_space && part.starts_with(' ')) part.remove_prefix(1);
        const auto value = parse_u64(part);
        good_ = good_ && value;
        return good_ ? static_cast<unsigned>(*value) : 0;
    }
    bool ended() const { return good_ && text_.empty(); }

  private:
    std::string_view text_;
    bool good_ = true;
};

struct Fields {
    unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

void read_time(Reader& reader, Fields& out) {
    out.hour = reader.number(2);
    reader.literal(":");
    out.minute = reader.number(2);
    reader.literal(":");
    out.second = reader.number(2);
}

std::optional<std::int64_t> seconds_of(const Fields& fields) {
    namespace c = std::chrono;
    const c::year_month_day date{c::year(static_cast<int>(fields.year)), c::month(fields.month + 1),
                                 c::day(fields.day)};
    // A leap second is the second behind it.
    if (!date.ok() || fields.hour > 23 || fields.minute > 59 || fields.second > 60) {
        return std::nullopt;
    }
    const auto days_since = c::sys_days(date).time_since_epoch().count();
    return std::int64_t{days_since} * 86400 + fields.hour * 3600 + fields.minute * 60 +
           fields.second;
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<std::int64_t> imf_fixdate(std::string_view text) {
    Reader reader(text);
    Fields fields;
    reader.one_of(days);
    reader.literal(", ");
    fields.day = reader.number(2);
    reader.literal(" ");
    fields.month = reader.one_of(months);
    reader.literal(" ");
    fields.year = reader.number(4);
    reader.literal(" ");
    read_time(reader, fields);
    reader.literal(" GMT");
    return reader.ended() ? seconds_of(fields) : std::nullopt;
}

// "Sunday, 06-Nov-94 08:49:37 GMT". A year that seems more than 50 years ahead is a past one.
std::optional<std::int64_t> rfc850_date(std::string_view text, std::int64_t now) {
    Reader reader(text);
    Fields fields;
    reader.one_of(long_days);
    reader.literal(", ");
    fields.day = reader.number(2);
    reader.literal("-");
    fields.month = reader.one_of(months);
    reader.literal("-");
    const unsigned short_year = reader.number(2);
    reader.literal(" ");
    read_time(reader, fields);
    reader.literal(" GMT");
    if (!reader.ended()) return std::nullopt;
    const auto this_year = 1970 + static_cast<unsigned>(std::max<std::int64_t>(now, 0) / 31556952);
    fields.year = this_year / 100 * 100 + short_year;
    if (fields.year > this_year + 50) fields.year -= 100;
    return seconds_of(fields);
}

// "Sun Nov  6 08:49:37 1994"
std::optional<std::int64_t> asctime_date(std::string_view text) {
    Reader reader(text);
    Fields fields;
    reader.one_of(days);
    reader.literal(" ");
    fields.month = reader.one_of(months);
    reader.literal(" ");
    fields.day = reader.number(2, true);
    reader.literal(" ");
    read_time(reader, fields);
    reader.literal(" ");
    fields.year = reader.number(4);
    return reader.ended() ? seconds_of(fields) : std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now) {
    if (const auto date = imf_fixdate(text)) return date;
    if (const auto date = rfc850_date(text, now)) return date;
    return asctime_date(text);
}

}  // namespace hubkeep
