#include "server/hub/query.hpp"

#include <algorithm>
#include <array>

#include "server/hub/names.hpp"

namespace hubkeep {
namespace {

constexpr std::array<std::string_view, 6> booleans{"blobs",       "expand",    "full",
                                                   "include_prs", "recursive", "securityStatus"};

bool is_boolean(std::string_view name) {
    return std::ranges::find(booleans, name) != booleans.end();
}

std::string decode(std::string_view text) {
    std::string spaced(text);
    std::ranges::replace(spaced, '+', ' ');
    return percent_decode(spaced).value_or(std::string(text));
}

// true, True, 1 and false, False, 0; nothing when the value is another word (expand=sha).
std::optional<bool> as_boolean(std::string_view value) {
    std::string lower(value);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (lower == "true" || lower == "1") return true;
    if (lower == "false" || lower == "0") return false;
    return std::nullopt;
}

}  // namespace

QueryParameters parse_query(std::string_view query) {
    QueryParameters parameters;
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto one = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (one.empty()) continue;
        const auto equals = one.find('=');
        const bool has_value = equals != std::string_view::npos;
        parameters.emplace_back(decode(one.substr(0, equals)),
                                has_value ? decode(one.substr(equals + 1)) : "");
    }
    return parameters;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    for (auto& [key, value] : parse_query(query)) {
        if (key == name) return std::move(value);
    }
    return std::nullopt;
}

bool query_flag(std::string_view query, std::string_view name) {
    const auto value = query_value(query, name);
    return value && (value->empty() || as_boolean(*value).value_or(false));
}

std::string normalised_query(std::string_view query,
                             std::initializer_list<std::string_view> known) {
    auto parameters = parse_query(query);
    for (auto& [key, value] : parameters) {
        if (key.ends_with("[]")) key.resize(key.size() - 2);
        if (!is_boolean(key)) continue;
        const auto boolean = as_boolean(value);
        if (!boolean) continue;
        // huggingface_hub asks for pull requests with 1, and for everything else with true.
        value = !*boolean ? "false" : key == "include_prs" ? "1" : "true";
    }
    std::erase_if(parameters, [&](const auto& one) {
        const auto& [key, value] = one;
        if (key == "cursor") return false;
        const bool is_default = value == "false" && is_boolean(key);
        return is_default || std::ranges::find(known, key) == known.end();
    });
    std::ranges::sort(parameters);
    const auto doubles = std::ranges::unique(parameters);
    parameters.erase(doubles.begin(), doubles.end());
    std::string out;
    for (const auto& [key, value] : parameters) {
        if (!out.empty()) out += '&';
        out += percent_encode_segment(key) + '=' + percent_encode_segment(value);
    }
    return out;
}

}  // namespace hubkeep
