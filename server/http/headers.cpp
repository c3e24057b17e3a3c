#include "server/http/headers.hpp"

#include <algorithm>
#include <array>

#include "common/trim.hpp"

namespace hubkeep {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Takes the next member off a comma-separated list; commas within quotes do not separate.
std::string_view take_member(std::string_view& list) {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < list.size(); ++end) {
        if (list[end] == '"') quoted = !quoted;
        if (list[end] == ',' && !quoted) break;
    }
    const auto member = trimmed(list.substr(0, end));
    list.remove_prefix(std::min(list.size(), end + 1));
    return member;
}

std::string clean(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c == '\r' || c == '\n' || c == '\0') c = ' ';
    }
    return out;
}

// RFC 9110 section 7.6.1, and the older Proxy-Connection.
constexpr std::array<std::string_view, 9> hop_by_hop = {"Connection",
                                                        "Keep-Alive",
                                                        "Proxy-Connection",
                                                        "Proxy-Authenticate",
                                                        "Proxy-Authorization",
                                                        "TE",
                                                        "Trailer",
                                                        "Transfer-Encoding",
                                                        "Upgrade"};

// RFC 8187 section 3.2.1.
bool is_attr_char(char c) {
    if ((c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z')) return true;
    return std::string_view("!#$&+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

bool iequals(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Headers::get(std::string_view name) const {
    for (const auto& [key, value] : fields_) {
        if (iequals(key, name)) return value;
    }
    return {};
}

bool Headers::has(std::string_view name) const {
    return count(name) > 0;
}

std::size_t Headers::count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(
        fields_.begin(), fields_.end(), [&](const Field& f) { return iequals(f.first, name); }));
}

void Headers::add(std::string_view name, std::string_view value) {
    fields_.emplace_back(clean(name), clean(value));
}

void Headers::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

void Headers::remove(std::string_view name) {
    std::erase_if(fields_, [&](const Field& f) { return iequals(f.first, name); });
}

Secret Headers::take_secret(std::string_view name, const Secret& known) {
    const auto first = get(name);
    Secret taken = known.equals(first) ? known : Secret(first);
    for (auto& [key, value] : fields_) {
        if (iequals(key, name)) wipe(value);
    }
    remove(name);
    return taken;
}

void Headers::remove_hop_by_hop() {
    std::vector<std::string> named;
    for (const auto& [key, value] : fields_) {
        if (!iequals(key, "Connection")) continue;
        for (std::string_view list = value; !list.empty();) named.emplace_back(take_member(list));
    }
    for (const auto& name : named) remove(name);
    for (const auto name : hop_by_hop) remove(name);
}

bool has_token(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        if (iequals(take_member(list), token)) return true;
    }
    return false;
}

bool if_none_match_hits(std::string_view header, std::string_view etag) {
    if (trimmed(header) == "*") return true;
    while (!header.empty()) {
        auto member = take_member(header);
        if (member.starts_with("W/")) member.remove_prefix(2);
        if (!member.empty() && member == etag) return true;
    }
    return false;
}

bool if_range_holds(std::string_view header, std::string_view etag) {
    // Without the field there is no condition; a weak tag or a date never holds.
    return header.empty() || trimmed(header) == etag;
}

std::string content_disposition(std::string_view type, std::string_view file_name) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string extended;
    std::string plain;
    for (const char c : file_name) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_attr_char(c)) {
            extended += c;
        } else {
            extended += '%';
            extended += hex[byte >> 4];
            extended += hex[byte & 15];
        }
        plain += byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\' ? '_' : c;
    }
    return std::string(type) + "; filename*=UTF-8''" + extended + "; filename=\"" + plain + "\";";
}

}  // namespace hubkeep
