#pragma once
// Evictor: makes room by taking out what was not used for longest and is not in use: the row first,
// committed, then the file. Killed in between, it leaves a file without a row, which the scan
// finds. Called on one thread of its own, so that no transfer waits for a file to be removed and no
// two evictions count the same bytes. Space of a file that somebody still reads would not come back
// at once, and such a file is never chosen.

#include <memory>
#include <optional>
#include <vector>

#include "server/store/disk_parts.hpp"

namespace hubkeep {

class Evictor {
  public:
    Evictor(DiskParts& parts, std::uint64_t keep_free_bytes, std::unique_ptr<IndexReader> reader)
        : parts_(parts), keep_free_bytes_(keep_free_bytes), reader_(std::move(reader)) {}

    // Promises `bytes` in Space, after evicting when that is needed. no_space: even that is not
    // enough. Blocking.
    Result<void> make_room(std::uint64_t bytes);

  private:
    struct Victim {
        UseTable::Alone alone;
        Digest digest;
        std::optional<std::uint64_t> blob_bytes;  // else a partial
        PartialRow partial;
    };
    Result<std::uint64_t> missing_for(std::uint64_t bytes) const;
    std::uint64_t evict(std::uint64_t goal);
    std::uint64_t evict_oldest(std::uint64_t goal, std::optional<std::int64_t> not_since);
    std::uint64_t remove(std::vector<Victim> victims);
    std::optional<Victim> take_blob(const Digest& digest, bool spare_touched);
    std::optional<Victim> take_partial(const Digest& digest, bool spare_touched);

    DiskParts& parts_;
    const std::uint64_t keep_free_bytes_;
    const std::unique_ptr<IndexReader> reader_;  // of the evicting thread
};

}  // namespace hubkeep
