#pragma once
// FlightHash: the digest of a blob while it arrives, over the bytes from 0 on. What is written
// where the hash has come to is hashed from memory, right after it was written; what comes out of
// order is read back from the file, most likely from the page cache, by who catches up. On pool
// threads; its mutex is held while hashing.

#include <atomic>
#include <mutex>
#include <span>

#include "common/digest.hpp"
#include "common/file.hpp"

namespace hubkeep {

class FlightHash {
  public:
    FlightHash(DigestKind kind, std::uint64_t size) : hasher_(kind, size) {}

    // Hashes `data`, which is at `offset`, when the hash has come there and nobody else hashes now.
    void take(std::uint64_t offset, std::span<const char> data);
    // Hashes what the file has up to `until`. io when the file is shorter.
    Result<void> catch_up(const File& file, std::uint64_t until);
    // How far it has come; any thread.
    std::uint64_t position() const { return position_.load(std::memory_order_acquire); }
    // Ends the hash: once, and when it has come to the end.
    Digest finish();

  private:
    std::mutex mutex_;  // guards the hasher, and who moves the position
    Hasher hasher_;
    std::atomic<std::uint64_t> position_{0};
};

}  // namespace hubkeep
