#include "common/redact.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace hubkeep {
namespace {

constexpr std::string_view stars = "***";
// The Hub's tokens have 34; words of repo names such as hf_hub_cache are shorter.
constexpr std::size_t min_token = 20;
constexpr std::size_t min_jwt = 16;
// Shorter ones without a digit are words: "Basic information", "Bearer token".
constexpr std::size_t min_wordlike_credential = 16;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}
// RFC 9110 section 11.2, token68.
bool is_token68(char c) {
    return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/' ||
           c == '=';
}
bool is_base64url(char c) {
    return is_alnum(c) || c == '-' || c == '_';
}
bool ends_value(char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '&' || c == '#' || c == '"' || c == '\'' ||
           c == '<' || c == '>' || c == '\\' || c == ')';
}

template <typename Is>
std::size_t length_of(std::string_view text, Is is) {
    const auto end = std::ranges::find_if_not(text, is);
    return static_cast<std::size_t>(end - text.begin());
}

bool equal_without_case(std::string_view text, std::string_view lower_case) {
    return std::ranges::equal(text, lower_case, {}, lower);
}
bool ends_with_case(std::string_view text, std::string_view lower_case) {
    return text.size() >= lower_case.size() &&
           equal_without_case(text.substr(text.size() - lower_case.size()), lower_case);
}

bool is_secret_key(std::string_view key) {
    std::string name(key);
    std::ranges::transform(name, name.begin(), lower);
    constexpr std::array<std::string_view, 5> words = {"sig", "key", "auth", "policy",
                                                       "key-pair-id"};
    constexpr std::array<std::string_view, 7> parts = {
        "token", "secret", "passw", "signature", "credential", "apikey", "authorization"};
    const auto contains = [&](std::string_view part) { return name.find(part) != name.npos; };
    return std::ranges::find(words, name) != words.end() || name.starts_with("x-amz-") ||
           name.starts_with("x-goog-") || std::ranges::any_of(parts, contains);
}

// A part of the text that is to be hidden; an empty one is none.
struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
};

// Behind the '_' of a prefix.
Span token_at(std::string_view text, std::size_t mark, std::string_view prefix) {
    if (!ends_with_case(text.substr(0, mark + 1), prefix)) return {};
    const auto length = length_of(text.substr(mark + 1), is_alnum);
    return length >= min_token ? Span{mark + 1 - prefix.size(), mark + 1 + length} : Span{};
}

// "eyJ" is how base64 of the JSON text {" begins. `tried` is the end of the last part that was read
// in vain: what begins later in that part is none either, and reading it again takes forever.
Span jwt_at(std::string_view text, std::size_t mark, std::size_t& tried) {
    if (mark < tried || !text.substr(0, mark + 1).ends_with("eyJ")) return {};
    const auto begin = mark - 2;
    const auto first = length_of(text.substr(begin), is_base64url);
    tried = begin + first;
    if (first < min_jwt || begin + first >= text.size() || text[begin + first] != '.') return {};
    const auto is_part = [](char c) { return is_base64url(c) || c == '.'; };
    return {begin, begin + length_of(text.substr(begin), is_part)};
}

// Behind the space after a scheme.
Span credentials_at(std::string_view text, std::size_t mark, std::string_view scheme) {
    const auto before = text.substr(0, mark);
    if (!ends_with_case(before, scheme)) return {};
    const bool begins_word =
        before.size() == scheme.size() || !is_alnum(before[before.size() - scheme.size() - 1]);
    if (!begins_word) return {};
    const auto begin = mark + length_of(text.substr(mark), [](char c) { return c == ' '; });
    const auto value = text.substr(begin, length_of(text.substr(begin), is_token68));
    const bool is_word = value.size() < min_wordlike_credential &&
                         std::ranges::none_of(value, [](char c) { return c >= '0' && c <= '9'; });
    return is_word ? Span{} : Span{begin, begin + value.size()};
}

// Behind a '?' or '&': the value of a key=value. A key ends where the next may begin, so that no
// part of the text is read for two keys.
Span value_at(std::string_view text, std::size_t mark) {
    const auto pair = text.substr(mark + 1);
    const auto key = pair.substr(
        0, length_of(pair, [](char c) { return !ends_value(c) && c != '=' && c != '?'; }));
    if (key.size() == pair.size() || pair[key.size()] != '=' || !is_secret_key(key)) return {};
    const auto begin = mark + 1 + key.size() + 1;
    const auto length = length_of(text.substr(begin), std::not_fn(ends_value));
    return length == 0 ? Span{} : Span{begin, begin + length};
}

// Behind "://": all up to an '@' in front of the path.
Span login_at(std::string_view text, std::size_t colon) {
    if (!text.substr(colon).starts_with("://")) return {};
    const auto begin = colon + 3;
    const auto authority = text.substr(begin, length_of(text.substr(begin), [](char c) {
                                           return !ends_value(c) && c != '/' && c != '?';
                                       }));
    const auto at = authority.rfind('@');
    return at == authority.npos ? Span{} : Span{begin, begin + at};
}

// What each kind of secret has and other text has rarely: the search stops at nothing else.
constexpr std::string_view marks = "_J ?&:";

constexpr std::array<bool, 256> mark_table = [] {
    std::array<bool, 256> table{};
    for (const char c : marks) table[static_cast<unsigned char>(c)] = true;
    return table;
}();

Span secret_at(std::string_view text, std::size_t mark, std::size_t& tried_jwt) {
    switch (text[mark]) {
        case '_': {
            const auto token = token_at(text, mark, "hf_");
            return token.end > 0 ? token : token_at(text, mark, "api_org_");
        }
        case 'J': return jwt_at(text, mark, tried_jwt);
        case ' ': {
            const auto bearer = credentials_at(text, mark, "bearer");
            return bearer.end > 0 ? bearer : credentials_at(text, mark, "basic");
        }
        case ':': return login_at(text, mark);
        default: return value_at(text, mark);
    }
}

}  // namespace

std::optional<std::string> redacted(std::string_view text) {
    std::optional<std::string> out;
    std::size_t copied = 0;
    std::size_t tried_jwt = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!mark_table[static_cast<unsigned char>(text[at])]) continue;
        const auto secret = secret_at(text, at, tried_jwt);
        if (secret.end == 0) continue;
        if (!out) out.emplace();
        // One may begin within the one before.
        if (secret.begin > copied) out->append(text.substr(copied, secret.begin - copied));
        out->append(stars);
        copied = secret.end;
        at = secret.end - 1;
    }
    if (out) out->append(text.substr(copied));
    return out;
}

std::string redact(std::string_view text) {
    auto out = redacted(text);
    return out ? *std::move(out) : std::string(text);
}

bool is_secret_field(std::string_view name) {
    constexpr std::array<std::string_view, 6> names = {
        "authorization", "proxy-authorization", "cookie",
        "set-cookie",    "x-xet-access-token",  "x-webhook-secret"};
    return std::ranges::any_of(
        names, [&](std::string_view secret) { return equal_without_case(name, secret); });
}

}  // namespace hubkeep
