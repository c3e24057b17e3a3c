#include "server/hub/rate_limit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/byte_range.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t longest_name = 32;
constexpr std::uint64_t longest_wait = 3600;
constexpr std::uint64_t longest_window = 86400;

// One item of the list, piece by piece: `"name"` or `key=value` between semicolons.
class Pieces {
  public:
    explicit Pieces(std::string_view text) : rest_(text) {}

    bool next(std::string_view& piece) {
        skip_spaces();
        if (rest_.empty() || ended_) return false;
        const bool quoted = rest_.front() == '"';
        const auto end = quoted ? rest_.find('"', 1) : rest_.find_first_of(";,");
        if (quoted && end == std::string_view::npos) return false;
        const auto size = quoted ? end + 1 : std::min(end, rest_.size());
        piece = rest_.substr(0, size);
        rest_.remove_prefix(size);
        while (piece.ends_with(' ')) piece.remove_suffix(1);
        skip_spaces();
        ended_ = rest_.empty() || rest_.front() != ';';
        if (!ended_) rest_.remove_prefix(1);
        return true;
    }

  private:
    void skip_spaces() {
        while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    }
    std::string_view rest_;
    bool ended_ = false;
};

std::string name_in(std::string_view quoted) {
    const auto name = quoted.substr(1, quoted.size() - 2);
    const auto is_plain = [](char c) {
        const bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        return letter || (c >= '0' && c <= '9') || c == ' ' || c == '-' || c == '_';
    };
    if (name.empty() || name.size() > longest_name || !std::ranges::all_of(name, is_plain)) {
        return {};
    }
    return std::string(name);
}

struct Item {
    std::string name;
    std::optional<std::uint64_t> first, second;
};

// The last string names the bucket; the policy's first string is the kind of window.
Item read_item(std::string_view text, std::string_view first_key, std::string_view second_key) {
    Item item;
    Pieces pieces(text);
    for (std::string_view piece; pieces.next(piece);) {
        if (piece.starts_with('"')) {
            item.name = name_in(piece);
        } else if (piece.starts_with(first_key)) {
            item.first = parse_u64(piece.substr(first_key.size()));
        } else if (piece.starts_with(second_key)) {
            item.second = parse_u64(piece.substr(second_key.size()));
        }
    }
    return item;
}

}  // namespace

std::string_view name_of(Bucket bucket) {
    switch (bucket) {
        case Bucket::api: return "api";
        case Bucket::resolvers: return "resolvers";
        case Bucket::pages: return "pages";
    }
    return "pages";
}

Bucket bucket_of(std::string_view target) {
    const auto path = target.substr(0, target.find('?'));
    if (path.starts_with("/api/resolve-cache/")) return Bucket::resolvers;
    if (path.starts_with("/api/")) return Bucket::api;
    return path.find("/resolve/") != std::string_view::npos ? Bucket::resolvers : Bucket::pages;
}

std::optional<RateLimit> parse_rate_limit(std::string_view text) {
    auto item = read_item(text, "r=", "t=");
    if (item.name.empty() || !item.first || !item.second) return std::nullopt;
    const auto wait = std::min(*item.second, longest_wait);
    return RateLimit{std::move(item.name), *item.first, static_cast<std::int64_t>(wait)};
}

std::optional<RateLimitPolicy> parse_rate_limit_policy(std::string_view text) {
    auto item = read_item(text, "q=", "w=");
    if (item.name.empty() || !item.first || !item.second) return std::nullopt;
    const auto window = std::min(*item.second, longest_window);
    return RateLimitPolicy{std::move(item.name), *item.first, static_cast<std::int64_t>(window)};
}

std::string to_text(const RateLimit& limit) {
    return fmt::format("\"{}\";r={};t={}", limit.bucket, limit.left, limit.reset_seconds);
}

std::string to_text(const RateLimitPolicy& policy) {
    return fmt::format("\"fixed window\";\"{}\";q={};w={}", policy.bucket, policy.quota,
                       policy.window_seconds);
}

}  // namespace hubkeep
