#include "server/xet/xorb_ranges.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hubkeep {
namespace {

constexpr std::size_t max_ranges = 512;
// No chunk header looks like it, and clients go by lengths.
constexpr std::string_view boundary = "hubkeep-xorb-range";

}  // namespace

std::vector<ByteRange> parse_ranges(std::string_view header, std::uint64_t size) {
    const auto equals = header.find('=');
    if (equals == std::string_view::npos) return {};
    const auto unit = header.substr(0, equals + 1);
    auto rest = header.substr(equals + 1);
    std::vector<ByteRange> ranges;
    for (std::size_t count = 0; !rest.empty(); ++count) {
        const auto comma = std::min(rest.find(','), rest.size());
        const auto range = parse_range(std::string(unit).append(rest.substr(0, comma)));
        if (!range || count == max_ranges) return {};
        if (const auto bytes = range->in(size)) ranges.push_back(*bytes);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    auto sorted = ranges;
    std::ranges::sort(sorted, {}, &ByteRange::begin);
    const auto overlap = std::ranges::adjacent_find(
        sorted, [](const ByteRange& a, const ByteRange& b) { return b.begin < a.end; });
    if (overlap != sorted.end()) return {};
    return ranges;
}

FileBody body_of(const Frames& xorb, const std::vector<ByteRange>& ranges, ResponseHead& head) {
    const auto size = xorb.physical_size();
    head.status = 206;
    if (ranges.size() == 1) {
        head.headers.set("Content-Range", format_content_range(ranges.front(), size));
        return FileBody(xorb, {{ranges.front(), {}}}, {});
    }
    head.headers.set("Content-Type", fmt::format("multipart/byteranges; boundary={}", boundary));
    std::vector<FileBody::Stretch> stretches;
    for (const auto& range : ranges) {
        auto before = fmt::format("\r\n--{}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n",
                                  boundary, xorb_type, format_content_range(range, size));
        stretches.push_back({range, std::move(before)});
    }
    return FileBody(xorb, std::move(stretches), fmt::format("\r\n--{}--\r\n", boundary));
}

}  // namespace hubkeep
