#include "server/store/flight_hash.hpp"

#include <algorithm>
#include <memory>

namespace hubkeep {
namespace {

// Small enough to stay in the processor's cache between reading and hashing.
constexpr std::size_t block_bytes = 256 * 1024;

}  // namespace

void FlightHash::take(std::uint64_t offset, std::span<const char> data) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || position_ != offset) return;
    hasher_.update(data.data(), data.size());
    position_ = offset + data.size();
}

Result<void> FlightHash::catch_up(const File& file, std::uint64_t until) {
    const std::lock_guard lock(mutex_);
    const auto block = std::make_unique_for_overwrite<char[]>(block_bytes);
    for (auto at = position(); at < until; at = position()) {
        const auto want = std::min<std::uint64_t>(block_bytes, until - at);
        const auto got = file.read_at(at, {block.get(), want});
        if (!got) return std::unexpected(got.error());
        if (*got != want) {
            return fail(ErrorKind::io, "a file of the store is shorter than was written");
        }
        hasher_.update(block.get(), want);
        position_ = at + want;
    }
    return {};
}

Digest FlightHash::finish() {
    const std::lock_guard lock(mutex_);
    return hasher_.finish();
}

}  // namespace hubkeep
