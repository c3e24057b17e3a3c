#include "common/byte_range.hpp"

#include <fmt/format.h>

#include <charconv>

namespace hubkeep {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool take_unit(std::string_view& text, char separator) {
    constexpr std::string_view unit = "bytes";
    if (text.size() <= unit.size() || text[unit.size()] != separator) return false;
    for (std::size_t i = 0; i < unit.size(); ++i) {
        if ((text[i] | 0x20) != unit[i]) return false;
    }
    text.remove_prefix(unit.size() + 1);
    return true;
}

}  // namespace

std::optional<std::uint64_t> parse_u64(std::string_view text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
    return value;
}

std::optional<ByteRange> RangeRequest::in(std::uint64_t size) const {
    if (form == Form::suffix) {
        if (first == 0 || size == 0) return std::nullopt;
        return ByteRange{size - std::min(first, size), size};
    }
    if (first >= size) return std::nullopt;
    if (form == Form::open || last >= size - 1) return ByteRange{first, size};
    return ByteRange{first, last + 1};
}

std::optional<RangeRequest> parse_range(std::string_view header) {
    header = trim(header);
    if (!take_unit(header, '=')) return std::nullopt;
    header = trim(header);
    const auto dash = header.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto left = header.substr(0, dash);
    const auto right = header.substr(dash + 1);
    if (left.empty()) {
        const auto count = parse_u64(right);
        if (!count) return std::nullopt;
        return RangeRequest{RangeRequest::Form::suffix, *count, 0};
    }
    const auto first = parse_u64(left);
    if (!first) return std::nullopt;
    if (right.empty()) return RangeRequest{RangeRequest::Form::open, *first, 0};
    const auto last = parse_u64(right);
    if (!last || *last < *first) return std::nullopt;
    return RangeRequest{RangeRequest::Form::closed, *first, *last};
}

std::optional<ContentRange> parse_content_range(std::string_view header) {
    header = trim(header);
    if (!take_unit(header, ' ')) return std::nullopt;
    const auto dash = header.find('-');
    const auto slash = header.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) {
        return std::nullopt;
    }
    const auto first = parse_u64(header.substr(0, dash));
    const auto last = parse_u64(header.substr(dash + 1, slash - dash - 1));
    if (!first || !last || *last < *first || *last == UINT64_MAX) return std::nullopt;
    ContentRange out{{*first, *last + 1}, std::nullopt};
    const auto total = header.substr(slash + 1);
    if (total != "*") {
        out.total = parse_u64(total);
        if (!out.total || *out.total <= *last) return std::nullopt;
    }
    return out;
}

std::string format_content_range(ByteRange range, std::uint64_t total) {
    return fmt::format("bytes {}-{}/{}", range.begin, range.end - 1, total);
}

}  // namespace hubkeep
