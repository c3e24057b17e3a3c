#pragma once
// Extents: the byte ranges of a blob that are on disk so far, disjoint and merged. A value without
// a lock; whoever shares one guards it. Numbers are bytes.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/byte_range.hpp"

namespace hubkeep {

class Extents {
  public:
    void add(ByteRange range);
    bool contains(ByteRange range) const;
    // The end of the present bytes that begin at `position`; `position` itself when it is missing.
    std::uint64_t present_until(std::uint64_t position) const;
    // The begin of the present bytes that reach up to `position`; itself when there are none.
    std::uint64_t present_since(std::uint64_t position) const;
    // The first missing stretch within `range`, cut to it.
    std::optional<ByteRange> first_gap(ByteRange range) const;
    std::uint64_t missing_in(ByteRange range) const;  // linear in the gaps there
    std::uint64_t total() const { return total_; }
    // One past the last present byte, 0 when there is none.
    std::uint64_t end() const { return ranges_.empty() ? 0 : ranges_.rbegin()->second; }
    bool empty() const { return ranges_.empty(); }
    std::size_t count() const { return ranges_.size(); }

    // The longest ranges, at most `count`: for who cannot remember all.
    Extents longest(std::size_t count) const;

    // "begin-end,begin-end", as the index keeps it. Overlaps, disorder and nonsense give nullopt.
    std::string encode() const;
    static std::optional<Extents> decode(std::string_view text);
    bool operator==(const Extents&) const = default;

  private:
    std::map<std::uint64_t, std::uint64_t> ranges_;  // begin -> end
    std::uint64_t total_ = 0;
};

}  // namespace hubkeep
