#include "server/hub/fields.hpp"

#include <algorithm>
#include <array>

namespace hubkeep {
namespace {

constexpr std::array<std::string_view, 10> of_the_connection = {
    "connection", "keep-alive", "te",   "trailer", "transfer-encoding",
    "upgrade",    "expect",     "host", "via",     "content-length"};

// Whose request it is, and where it came from, stays here. Accept-Encoding is ours,
// and so are conditions: an answer that is kept has to be whole.
constexpr std::array<std::string_view, 15> stay_here = {
    "referer",       "origin",          "forwarded", "x-real-ip",         "true-client-ip",
    "cdn-loop",      "x-request-id",    "range",     "if-range",          "if-match",
    "if-none-match", "accept-encoding", "x-user",    "if-modified-since", "if-unmodified-since"};

// What proxies in front of us add about their users, and names that speak of a credential.
constexpr std::array<std::string_view, 12> stay_here_prefixes = {
    "x-forwarded-", "proxy-",  "sec-",      "cf-",         "x-envoy-", "x-original-",
    "x-remote-",    "remote-", "x-client-", "x-amzn-oidc", "x-goog-",  "x-ssl-"};
constexpr std::array<std::string_view, 11> credential_words = {
    "auth", "token", "secret",     "passw",   "cookie", "session",
    "csrf", "jwt",   "credential", "api-key", "apikey"};

// What would bind a browser to this host, tells of the way between the Hub and us, or
// is said by us in our own words (Link and CORS).
constexpr std::array<std::string_view, 16> stay_there = {"set-cookie",
                                                         "location",
                                                         "alt-svc",
                                                         "strict-transport-security",
                                                         "nel",
                                                         "report-to",
                                                         "reporting-endpoints",
                                                         "x-cache",
                                                         "server",
                                                         "x-powered-by",
                                                         "x-request-id",
                                                         "x-hf-warning",
                                                         "ratelimit",
                                                         "ratelimit-policy",
                                                         "link",
                                                         "cache-status"};
constexpr std::array<std::string_view, 4> stay_there_prefixes = {"x-amz-", "proxy-", "x-xet-",
                                                                 "access-control-"};

template <std::size_t N, std::size_t M>
bool is_listed(const std::string& name, const std::array<std::string_view, N>& names,
               const std::array<std::string_view, M>& prefixes) {
    return std::ranges::find(of_the_connection, name) != of_the_connection.end() ||
           std::ranges::find(names, name) != names.end() ||
           std::ranges::any_of(prefixes, [&](auto prefix) { return name.starts_with(prefix); });
}

}  // namespace

bool is_passed_up(std::string_view name) {
    const auto lower = lower_case(name);
    const bool of_a_credential =
        std::ranges::any_of(credential_words, [&](auto word) { return lower.contains(word); });
    return !of_a_credential && !is_listed(lower, stay_here, stay_here_prefixes);
}

bool is_passed_down(std::string_view name) {
    return !is_listed(lower_case(name), stay_there, stay_there_prefixes);
}

HeaderFields kept_fields(const HeaderFields& answer) {
    std::vector<std::string> named;
    for (const auto& [name, value] : answer) {
        if (lower_case(name) != "connection") continue;
        for (auto& member : list_members(value)) named.push_back(std::move(member));
    }
    HeaderFields out;
    for (const auto& field : answer) {
        const bool is_named = std::ranges::find(named, lower_case(field.first)) != named.end();
        if (!is_named && is_passed_down(field.first)) out.push_back(field);
    }
    return out;
}

std::string fields_to_text(const HeaderFields& fields) {
    std::string out;
    for (const auto& [name, value] : fields) out += name + ": " + value + '\n';
    return out;
}

HeaderFields fields_from_text(std::string_view text) {
    HeaderFields out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(text.size(), end + 1));
        const auto colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        out.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    return out;
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::vector<std::string> list_members(std::string_view list) {
    std::vector<std::string> out;
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        auto member = list.substr(0, end);
        list.remove_prefix(std::min(list.size(), end + 1));
        const auto first = member.find_first_not_of(" \t");
        if (first == std::string_view::npos) continue;
        member = member.substr(first, member.find_last_not_of(" \t") - first + 1);
        out.push_back(lower_case(member));
    }
    return out;
}

}  // namespace hubkeep
