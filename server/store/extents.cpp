#include "server/store/extents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

namespace hubkeep {

void Extents::add(ByteRange range) {
    if (range.empty()) return;
    auto at = ranges_.upper_bound(range.begin);
    if (at != ranges_.begin() && std::prev(at)->second >= range.begin) --at;
    // Everything that overlaps or touches the new range becomes part of it.
    while (at != ranges_.end() && at->first <= range.end) {
        range.begin = std::min(range.begin, at->first);
        range.end = std::max(range.end, at->second);
        total_ -= at->second - at->first;
        at = ranges_.erase(at);
    }
    ranges_.emplace_hint(at, range.begin, range.end);
    total_ += range.size();
}

bool Extents::contains(ByteRange range) const {
    return range.empty() || present_until(range.begin) >= range.end;
}

std::uint64_t Extents::present_until(std::uint64_t position) const {
    const auto after = ranges_.upper_bound(position);
    if (after == ranges_.begin()) return position;
    return std::max(position, std::prev(after)->second);
}

std::uint64_t Extents::present_since(std::uint64_t position) const {
    const auto at = ranges_.upper_bound(position);
    if (at == ranges_.begin()) return position;
    const auto& [begin, end] = *std::prev(at);
    return end >= position ? begin : position;
}

std::optional<ByteRange> Extents::first_gap(ByteRange range) const {
    const auto begin = present_until(range.begin);
    if (begin >= range.end) return std::nullopt;
    const auto next = ranges_.upper_bound(begin);
    return ByteRange{begin, next == ranges_.end() ? range.end : std::min(range.end, next->first)};
}

std::uint64_t Extents::missing_in(ByteRange range) const {
    std::uint64_t missing = 0;
    while (const auto gap = first_gap(range)) {
        missing += gap->size();
        range.begin = gap->end;
    }
    return missing;
}

Extents Extents::longest(std::size_t count) const {
    if (ranges_.size() <= count) return *this;
    std::vector<ByteRange> all;
    all.reserve(ranges_.size());
    for (const auto& [begin, end] : ranges_) all.push_back({begin, end});
    const auto longer = [](const ByteRange& a, const ByteRange& b) { return a.size() > b.size(); };
    std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(count), longer);
    all.resize(count);
    Extents out;
    for (const auto& range : all) out.add(range);
    return out;
}

std::string Extents::encode() const {
    std::string out;
    for (const auto& [begin, end] : ranges_) {
        fmt::format_to(std::back_inserter(out), "{}{}-{}", out.empty() ? "" : ",", begin, end);
    }
    return out;
}

std::optional<Extents> Extents::decode(std::string_view text) {
    Extents out;
    while (!text.empty()) {
        const auto comma = text.find(',');
        const auto one = text.substr(0, comma);
        const auto dash = one.find('-');
        if (dash == std::string_view::npos) return std::nullopt;
        const auto begin = parse_u64(one.substr(0, dash));
        const auto end = parse_u64(one.substr(dash + 1));
        // Only what encode() writes: in order, apart from each other, none empty.
        if (!begin || !end || *begin >= *end) return std::nullopt;
        if (!out.empty() && *begin <= out.end()) return std::nullopt;
        out.ranges_.emplace_hint(out.ranges_.end(), *begin, *end);
        out.total_ += *end - *begin;
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
        if (text.empty()) return std::nullopt;
    }
    return out;
}

}  // namespace hubkeep
