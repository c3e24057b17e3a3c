#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "common/trim.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_quoted = 80;
constexpr std::size_t max_word = 64;
constexpr std::size_t token_letters = 20;  // the Hub's have 34

bool is_alnum(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

std::size_t token_length(std::string_view text) {
    if (!text.starts_with("hf_")) return 0;
    std::size_t end = 3;
    while (end < text.size() && is_alnum(text[end])) ++end;
    return end - 3 >= token_letters ? end : 0;
}

// Insertions, deletions, replacements and swaps of neighbours that lead from a to b.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> cost(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    }
    return cost[a.size()][b.size()];
}

}  // namespace

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string replace_all(std::string_view text, char from, char to) {
    std::string out(text);
    std::ranges::replace(out, from, to);
    return out;
}

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> items;
    if (trimmed(text).empty()) return items;
    for (;;) {
        const auto comma = text.find(',');
        items.emplace_back(trimmed(text.substr(0, comma)));
        if (comma == std::string_view::npos) return items;
        text.remove_prefix(comma + 1);
    }
}

bool looks_like_token(std::string_view text) {
    return !text.empty() && token_length(text) == text.size();
}

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < ' ' || byte >= 0x7F) out += fmt::format("\\x{:02x}", byte);
        else out += c;
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    std::string masked;
    while (!text.empty() && masked.size() <= max_quoted) {
        const auto length = token_length(text);
        masked += length != 0 ? "hf_***" : std::string(text.substr(0, 1));
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return "\"" + printable(masked) + (text.empty() ? "\"" : "...\"");
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
    word = word.substr(0, max_word);
    const std::size_t allowed = std::clamp<std::size_t>(word.size() / 3, 1, 4);
    std::string best;
    std::size_t best_cost = allowed + 1;
    for (const auto& candidate : candidates) {
        std::size_t cost = distance(word, candidate);
        // A beginning counts as a slip: "token" for "token_file", "certificate" for "cert".
        const auto shorter = std::min(word.size(), candidate.size());
        const bool begins = shorter >= 3 && word.substr(0, shorter) == candidate.substr(0, shorter);
        if (begins) cost = std::min<std::size_t>(cost, 1);
        if (cost < best_cost) {
            best = candidate;
            best_cost = cost;
        }
    }
    return best;
}

}  // namespace hubkeep
