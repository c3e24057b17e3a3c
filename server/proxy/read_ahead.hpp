#pragma once
// What a request for a part of a file fetches. Pure. Numbers are bytes.

#include <cstddef>
#include <cstdint>

#include "common/byte_range.hpp"

namespace hubkeep {

// The whole blocks around `wanted` of a file of `size` bytes, and a few at the least: who probes a
// header or a footer comes back for its neighbours. A reader that goes on where bytes are there
// already, `behind` of them without a gap, gets as much again ahead of it, up to 8 MiB: block by
// block a file then costs few requests. A small file is fetched as a whole, one in very many
// `stretches` is fetched in larger blocks, which bounds their number.
ByteRange blocks_around(ByteRange wanted, std::uint64_t size, std::uint64_t behind,
                        std::size_t stretches);

}  // namespace hubkeep
