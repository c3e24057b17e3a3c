#pragma once
// Byte ranges of a file (half open), and the Range grammar of RFC 9110 section 14.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace hubkeep {

struct ByteRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  // one past the last byte

    std::uint64_t size() const { return end - begin; }
    bool empty() const { return begin >= end; }
    bool operator==(const ByteRange&) const = default;
};

// What a Range header asks for, before the size of the file is known.
struct RangeRequest {
    enum class Form { closed, open, suffix };  // a-b, a-, -n
    Form form = Form::closed;
    std::uint64_t first = 0;  // suffix: the number of last bytes
    std::uint64_t last = 0;   // closed only, inclusive

    // The bytes meant in a file of this size, ends clamped; nothing when unsatisfiable (416).
    std::optional<ByteRange> in(std::uint64_t size) const;
};

// A single range of unit bytes. Anything else (several ranges, other units, nonsense) is nullopt,
// and the header is then ignored, as RFC 9110 section 14.2 allows.
std::optional<RangeRequest> parse_range(std::string_view header);

struct ContentRange {
    ByteRange range;
    std::optional<std::uint64_t> total;
};

// "bytes a-b/total" of a 206.
std::optional<ContentRange> parse_content_range(std::string_view header);
std::string format_content_range(ByteRange range, std::uint64_t total);

// Decimal digits only: no sign, no space, no overflow.
std::optional<std::uint64_t> parse_u64(std::string_view text);

}  // namespace hubkeep
