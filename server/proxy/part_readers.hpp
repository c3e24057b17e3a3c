#pragma once
// PartReaders: who makes up files from many answers (server/xet), and what of which file each has
// asked for. Who has asked for all of a file ends up with the whole of it, and gets its last bytes
// when they are verified; who reads a part of it does not wait for that. Bytes that were found to
// be wrong are never made up with those that came in their place. One for the process; any thread.

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/digest.hpp"
#include "common/lru_map.hpp"
#include "server/proxy/fetcher.hpp"
#include "server/store/extents.hpp"
#include "server/store/wrong_bytes.hpp"

namespace hubkeep {

struct PartReader {
    std::string id;          // unlike any other
    std::int64_t since = 0;  // that it may have bytes of, seconds since 1970
    // How often wrong bytes of the file had been found when it was told where its parts are; only
    // the last digits of that.
    std::uint8_t edition = 0;
};

class PartReaders {
  public:
    // Readers of a file that are remembered.
    static constexpr std::size_t max_remembered = 16 * 1024;
    // What is asked for counts in whole steps of that many bytes.
    static constexpr std::uint64_t step_bytes = 128 * 1024;

    explicit PartReaders(std::int64_t started_at) : started_at_(started_at) {}

    // Whether it may be told of a stretch of the blob from there on. Who begins at the beginning
    // begins anew; who goes on must have nothing of what was found wrong meanwhile.
    bool may_plan(const PartReader& reader, const Digest& blob, std::uint64_t from,
                  const WrongBytes::Finding& wrong);
    // It asks for that much of the blob; what the counter counts is what that causes upstream.
    ByteCounter asks(const PartReader& reader, const Digest& blob, ByteRange range);
    // What a reader has asked of an earlier process nobody knows: it counts as all, unless nothing
    // of the blob was left of that one.
    bool has_asked_for_all(const PartReader& reader, const Digest& blob, std::uint64_t size,
                           bool something_was_left);

  private:
    struct Reading {
        Extents asked;
        ByteCounter upstream;
        std::optional<std::uint32_t> wrong_times;  // at its first plan
    };
    Reading& reading_of(const PartReader& reader, const Digest& blob);

    const std::int64_t started_at_;  // seconds since 1970
    std::mutex mutex_;
    LruMap<Reading> readings_{max_remembered};  // under mutex_
};

}  // namespace hubkeep
