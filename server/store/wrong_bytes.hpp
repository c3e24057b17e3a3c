#pragma once
// WrongBytes: of which blobs wrong bytes came from the Hub, how often, and when last. Who reads a
// blob in parts may have such bytes, and never finds out by himself; so this outlives a restart, in
// a file of the data folder. One for the process; any thread.

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "common/digest.hpp"
#include "common/file.hpp"
#include "common/result.hpp"

namespace hubkeep {

class WrongBytes {
  public:
    // Blobs that are remembered: those where it happened last.
    static constexpr std::size_t max_remembered = 4096;

    struct Finding {
        std::uint32_t times = 0;  // 0: never
        std::int64_t at = 0;      // seconds since 1970, the last time
    };

    // Lines of the file that say nothing are left out.
    explicit WrongBytes(fs::path file);

    Finding of(const Digest& digest) const;
    // Counts from the return on; an error tells only that a restart would forget it. Blocking.
    Result<void> note(const Digest& digest, std::int64_t at);

  private:
    std::string lines() const;

    const fs::path file_;
    mutable std::mutex mutex_;
    std::unordered_map<Digest, Finding, DigestHash> findings_;  // under mutex_
};

}  // namespace hubkeep
