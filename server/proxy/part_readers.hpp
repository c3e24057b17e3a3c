#pragma once
// PartReaders: who makes up files from many answers (server/xet), and what of which file each has
// asked for. Who has asked for all of a file ends up with the whole of it, and gets its last bytes
// when they are verified; who reads a part of it does not wait for that. One for the process; any
// thread.

#include <memory>
#include <mutex>
#include <string>

#include "common/digest.hpp"
#include "common/lru_map.hpp"
#include "server/proxy/fetcher.hpp"
#include "server/store/extents.hpp"

namespace hubkeep {

struct PartReader {
    std::string id;          // unlike any other
    std::int64_t since = 0;  // that it may have bytes of, seconds since 1970
};

class PartReaders {
  public:
    // Readers of a file that are remembered.
    static constexpr std::size_t max_remembered = 16 * 1024;

    explicit PartReaders(std::int64_t started_at) : started_at_(started_at) {}

    // It asks for that much of the blob; `upstream` of it counts what that causes there.
    ByteCounter asks(const PartReader& reader, const Digest& blob, ByteRange range);
    // What a reader has asked of an earlier process nobody knows: it counts as all.
    bool has_asked_for_all(const PartReader& reader, const Digest& blob, std::uint64_t size);

  private:
    struct Reading {
        Extents asked;
        ByteCounter upstream;
    };

    const std::int64_t started_at_;  // seconds since 1970
    std::mutex mutex_;
    LruMap<Reading> readings_{max_remembered};  // under mutex_
};

}  // namespace hubkeep
