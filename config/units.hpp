#pragma once
// Sizes and durations as people write them: "1.5TiB", "500GB", "250ms", "10m". A number without a
// unit is refused, since it would be guessed wrong by somebody; only 0 needs none for a duration.
// What format_*() writes, parse_*() reads as the same value. Errors are `invalid`.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace hubkeep {

// B, kB to PB (powers of 1000), KiB to PiB (powers of 1024), in either case.
Result<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

// ms, s, m, h, d; whole milliseconds, at most 100 years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds time);

// "85%" or "99.5%": more than 0, at most 100.
Result<double> parse_percent(std::string_view text);
std::string format_percent(double percent);

}  // namespace hubkeep
