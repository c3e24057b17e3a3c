#include "server/hub/caching.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/byte_range.hpp"
#include "common/trim.hpp"
#include "server/hub/fields.hpp"
#include "server/hub/http_date.hpp"

namespace hubkeep {
namespace {

// RFC 9111 section 1.2.2: larger numbers of seconds mean this much.
constexpr std::int64_t longest_age = 2147483648;

// Takes the next member off a comma-separated list; commas within quotes do not separate.
std::string_view take_member(std::string_view& list) {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < list.size(); ++end) {
        if (quoted && list[end] == '\\') {
            ++end;
        } else if (list[end] == '"') {
            quoted = !quoted;
        } else if (list[end] == ',' && !quoted) {
            break;
        }
    }
    end = std::min(end, list.size());
    const auto member = trimmed(list.substr(0, end));
    list.remove_prefix(std::min(list.size(), end + 1));
    return member;
}

std::int64_t seconds_of(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        text = text.substr(1, text.size() - 2);
    }
    const bool digits =
        !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return 0;
    const auto value = parse_u64(text);
    if (!value || *value > static_cast<std::uint64_t>(longest_age)) return longest_age;
    return static_cast<std::int64_t>(*value);
}

void keep_smaller(std::optional<std::int64_t>& kept, std::int64_t value) {
    kept = kept ? std::min(*kept, value) : value;
}

// RFC 9111 section 5.1: of several the first counts, and what is no number is as if it were not
// there. seconds_of() has 0 for that.
std::int64_t age_value(const HeaderFields& fields) {
    const auto text = joined_field(fields, "age");
    return seconds_of(trimmed(std::string_view(text).substr(0, text.find_first_of(",;"))));
}

std::int64_t initial_age(const HeaderFields& fields, std::int64_t received_at) {
    const auto date = parse_http_date(joined_field(fields, "date"), received_at);
    const auto apparent = date ? std::max<std::int64_t>(0, received_at - *date) : 0;
    return std::max(apparent, age_value(fields));
}

std::optional<std::int64_t> lifetime(const CacheControl& control, const HeaderFields& fields,
                                     std::int64_t received_at) {
    if (control.s_maxage) return control.s_maxage;
    if (control.max_age) return control.max_age;
    const auto expires = joined_field(fields, "expires");
    if (expires.empty()) return std::nullopt;
    const auto until = parse_http_date(expires, received_at);
    if (!until) return 0;
    const auto date = parse_http_date(joined_field(fields, "date"), received_at);
    return std::max<std::int64_t>(0, *until - date.value_or(received_at));
}

// Refusals may differ the next moment: who asks decides, or how much was asked.
bool is_about_the_asker(int status) {
    return status == 401 || status == 403 || status == 407 || status == 408 || status == 429;
}

// Whose rules about caching are known here (RFC 9111 section 5.2.2.3).
bool is_understood(int status) {
    return status == 200 || status == 203 || status == 204 || status == 404 || status == 410;
}

std::string_view opaque_tag(std::string_view etag) {
    if (etag.starts_with("W/")) etag.remove_prefix(2);
    return etag;
}

}  // namespace

CacheControl parse_cache_control(std::string_view value) {
    CacheControl out;
    while (!value.empty()) {
        const auto member = take_member(value);
        const auto equals = member.find('=');
        const auto name = lower_case(member.substr(0, equals));
        const auto argument =
            equals == std::string_view::npos ? std::string_view() : member.substr(equals + 1);
        if (name == "no-store") out.no_store = true;
        if (name == "no-cache") out.no_cache = true;
        if (name == "private") out.is_private = true;
        if (name == "must-revalidate" || name == "proxy-revalidate") out.must_revalidate = true;
        if (name == "must-understand") out.must_understand = true;
        if (name == "max-age") keep_smaller(out.max_age, seconds_of(argument));
        if (name == "s-maxage") keep_smaller(out.s_maxage, seconds_of(argument));
    }
    return out;
}

std::string joined_field(const HeaderFields& fields, std::string_view name) {
    std::string out;
    for (const auto& [key, value] : fields) {
        if (lower_case(key) != name) continue;
        if (!out.empty()) out += ", ";
        out += value;
    }
    return out;
}

CachingPolicy caching_policy(int status, const HeaderFields& fields, std::int64_t received_at) {
    const auto control = parse_cache_control(joined_field(fields, "cache-control"));
    CachingPolicy policy;
    policy.lifetime_seconds = lifetime(control, fields, received_at);
    policy.confirm_always = control.no_cache;
    // s-maxage says so by definition (RFC 9111 section 5.2.2.10).
    policy.stale_forbidden =
        control.must_revalidate || control.no_cache || control.s_maxage.has_value();
    // Only a 200 is kept unless the Hub says for how long. A 206 or 304 is a part of something, and
    // a failure of the Hub is nothing to keep.
    const bool whole = status >= 200 && status < 500 && status != 206 && status != 304;
    const bool meant = status == 200 || policy.lifetime_seconds.has_value();
    const auto vary = list_members(joined_field(fields, "vary"));
    const bool never_matches = std::ranges::find(vary, "*") != vary.end();
    const bool understood = !control.must_understand || is_understood(status);
    policy.may_store = whole && meant && understood && !is_about_the_asker(status) &&
                       !control.no_store && !control.is_private && !never_matches;
    return policy;
}

std::int64_t current_age(const HeaderFields& fields, std::int64_t received_at, std::int64_t now) {
    return initial_age(fields, received_at) + std::max<std::int64_t>(0, now - received_at);
}

bool is_fresh(const CachingPolicy& policy, const HeaderFields& fields, std::int64_t received_at,
              std::int64_t now, std::chrono::seconds ttl) {
    // A clock that was set back makes every age a guess.
    if (policy.confirm_always || now < received_at) return false;
    if (!policy.lifetime_seconds) return now - received_at < ttl.count();
    return current_age(fields, received_at, now) < *policy.lifetime_seconds;
}

std::vector<std::string> selecting_fields(const HeaderFields& answer) {
    auto names = list_members(joined_field(answer, "vary"));
    std::erase_if(names, [](const std::string& name) { return !is_passed_up(name); });
    std::ranges::sort(names);
    const auto doubles = std::ranges::unique(names);
    names.erase(doubles.begin(), doubles.end());
    return names;
}

std::string selection(const std::vector<std::string>& names, const HeaderFields& request) {
    std::string out;
    for (const auto& name : names) {
        out += name + ':';
        auto value = joined_field(request, name);
        for (std::string_view list = value; !list.empty();) {
            out += take_member(list);
            out += ',';
        }
        out += '\n';
    }
    return out;
}

HeaderFields updated_by(const HeaderFields& stored, const HeaderFields& confirmation) {
    constexpr std::array<std::string_view, 5> of_the_body = {
        "content-length", "content-encoding", "content-range", "content-md5", "etag"};
    const auto is_of_the_body = [&](const std::string& name) {
        return std::ranges::find(of_the_body, name) != of_the_body.end();
    };
    HeaderFields out;
    for (const auto& [name, value] : stored) {
        const auto key = lower_case(name);
        const bool replaced =
            !is_of_the_body(key) && (!joined_field(confirmation, key).empty() || key == "age");
        if (!replaced) out.emplace_back(name, value);
    }
    for (const auto& [name, value] : confirmation) {
        if (!is_of_the_body(lower_case(name))) out.emplace_back(name, value);
    }
    return out;
}

bool is_not_modified(std::string_view if_none_match, std::string_view if_modified_since,
                     const HeaderFields& stored, std::int64_t now) {
    if (!if_none_match.empty()) {
        if (trimmed(if_none_match) == "*") return true;
        const auto etag = joined_field(stored, "etag");
        while (!if_none_match.empty()) {
            const auto member = take_member(if_none_match);
            if (!etag.empty() && opaque_tag(member) == opaque_tag(etag)) return true;
        }
        return false;
    }
    const auto since = parse_http_date(if_modified_since, now);
    const auto modified = parse_http_date(joined_field(stored, "last-modified"), now);
    return since && modified && *modified <= *since;
}

}  // namespace hubkeep
