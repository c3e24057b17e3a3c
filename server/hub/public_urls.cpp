#include "server/hub/public_urls.hpp"

#include <algorithm>
#include <array>

namespace hubkeep {
namespace {

constexpr std::array<std::string_view, 3> url_members = {"\"url\"", "\"commitUrl\"",
                                                         "\"pullRequestUrl\""};

std::string_view without_space_at_end(std::string_view text) {
    while (!text.empty() && std::string_view(" \t\r\n").contains(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// Whether a quote behind `before` begins a string: within one it would be escaped.
bool begins_string(std::string_view before) {
    std::size_t backslashes = 0;
    while (backslashes < before.size() && before[before.size() - 1 - backslashes] == '\\') {
        ++backslashes;
    }
    return backslashes % 2 == 0;
}

bool is_value_of_url_member(std::string_view before) {
    before = without_space_at_end(before);
    if (!before.ends_with(':')) return false;
    before = without_space_at_end(before.substr(0, before.size() - 1));
    return std::ranges::any_of(url_members, [&](auto name) { return before.ends_with(name); });
}

}  // namespace

FollowedUrls followed_urls(const Route& route) {
    if (route.kind == Route::Kind::viewer) return FollowedUrls::members;
    if (route.kind == Route::Kind::commits) return FollowedUrls::members;
    if (route.kind != Route::Kind::api_other || route.repo.name.empty()) return FollowedUrls::none;
    const auto begin = '/' + percent_encode_path(route.repo.name) + '/';
    const auto at = route.encoded_path.find(begin);
    if (at == std::string::npos) return FollowedUrls::none;
    const auto rest = std::string_view(route.encoded_path).substr(at + begin.size());
    const auto word = rest.substr(0, rest.find('/'));
    if (word == "parquet") return FollowedUrls::all;
    return word == "discussions" || word == "compare" ? FollowedUrls::members : FollowedUrls::none;
}

std::string with_public_urls(std::string checked, FollowedUrls followed,
                             const std::vector<std::string>& hub_origins,
                             std::string_view public_origin) {
    if (followed == FollowedUrls::none) return checked;
    for (const auto& origin : hub_origins) {
        const auto wanted = '"' + origin + '/';
        std::string out;
        std::size_t copied = 0;
        for (auto at = checked.find(wanted); at != std::string::npos;
             at = checked.find(wanted, at + 1)) {
            const auto before = std::string_view(checked).substr(0, at);
            if (!begins_string(before)) continue;
            if (followed == FollowedUrls::members && !is_value_of_url_member(before)) continue;
            out.append(checked, copied, at + 1 - copied).append(public_origin);
            copied = at + 1 + origin.size();
        }
        if (copied == 0) continue;
        checked = out.append(checked, copied);
    }
    return checked;
}

}  // namespace hubkeep
