#include "server/proxy/read_ahead.hpp"

#include <algorithm>
#include <bit>

namespace hubkeep {
namespace {

constexpr std::uint64_t smallest_block = 16 * 1024;
constexpr std::uint64_t largest_block = 1024 * 1024;
constexpr std::uint64_t least_blocks = 4;
// To ask once more costs more than the rest of such a file.
constexpr std::uint64_t small_file = 256 * 1024;
constexpr std::uint64_t most_ahead = 8 * 1024 * 1024;
// From here on the blocks grow with the number of stretches.
constexpr std::size_t many_stretches = 8 * 1024;

}  // namespace

ByteRange blocks_around(ByteRange wanted, std::uint64_t size, std::uint64_t behind,
                        std::size_t stretches) {
    if (size <= small_file) return {0, size};
    const std::uint64_t crowd =
        std::bit_floor(std::max<std::size_t>(stretches / many_stretches, 1));
    const auto block = std::min(smallest_block * crowd, largest_block);
    const auto least = block * least_blocks;
    auto begin = wanted.begin / block * block;
    auto end = std::max(wanted.end, begin + least);
    // Large ranges are asked for by readers with many connections, who have their own plan.
    if (wanted.size() < most_ahead) end += std::min(behind, most_ahead);
    end = std::min((end + block - 1) / block * block, size);
    // At the end of a file what is near lies before: footers are read backwards.
    if (end - begin < least) begin = (end - std::min(end, least)) / block * block;
    return {begin, end};
}

}  // namespace hubkeep
