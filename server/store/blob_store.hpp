#pragma once
// BlobStore: where blobs and partials are kept. A contract with one conformance suite;
// DiskBlobStore keeps each blob as one flat file that is never changed in place. A blob is either
// absent or complete, verified and durable: its row in the index is written last and removed first.
// Any thread may call; what blocks says so. The store never learns names of repos.

#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "common/changes.hpp"
#include "common/digest.hpp"
#include "common/file.hpp"
#include "common/result.hpp"
#include "common/task.hpp"
#include "server/store/extents.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

// Keeps a blob or partial from being evicted while it is read or filled. Movable; any thread.
class InUse {
  public:
    virtual ~InUse() = default;
};

struct Blob {
    Digest digest;
    std::uint64_t size = 0;
    std::shared_ptr<const File> file;
    std::unique_ptr<InUse> in_use;
    // Holds until the blob is taken away: what was read from it may be served so long without
    // opening it again. It must not outlive the store.
    Changes::Mark presence;
};

struct Partial {
    Digest digest;
    std::uint64_t size = 0;
    File file;
    Extents present;  // durable before the last stop; bytes outside are unknown
    std::unique_ptr<InUse> in_use;
};

// Bytes promised to a transfer and counted against the limit until it is dropped.
class Reservation {
  public:
    virtual ~Reservation() = default;
    // `bytes` of it are now counted as stored (a partial on disk or a blob).
    virtual void use(std::uint64_t bytes) = 0;
};

struct StoreUsage {
    std::uint64_t blob_bytes = 0;
    std::uint64_t partial_bytes = 0;
    std::uint64_t reserved_bytes = 0;
    std::uint64_t limit_bytes = 0;
    std::uint64_t blobs = 0;
};

class BlobStore {
  public:
    virtual ~BlobStore() = default;

    // A complete blob, opened and marked as used; nothing when it is not there. A row whose file is
    // gone or has another size is dropped and counts as absent. One open(2), no more.
    virtual std::optional<Blob> open(const Digest& digest, IndexReader& reader) = 0;

    // A blob was used that was not opened for it; what is used leaves last.
    virtual void touch(const Digest& digest) = 0;

    // Room for `bytes`, made by evicting what was not used for longest and is not in use. no_space
    // when the limit or the disk cannot give it. `partial` is where they will be written: it counts
    // what is used; without it used bytes count only from the next checkpoint on.
    virtual Task<Result<std::unique_ptr<Reservation>>> reserve(
        std::uint64_t bytes, const Partial* partial = nullptr) = 0;

    // The partial of a blob with what an earlier transfer left, or an empty one. Only one caller at
    // a time may have it (Flights sees to that). `partial.present` survives restarts.
    virtual Task<Result<Partial>> open_partial(Digest digest, std::uint64_t size) = 0;
    // Makes the written bytes durable and then remembers them.
    virtual Task<Result<void>> checkpoint(const Partial& partial, Extents present) = 0;
    // The caller has verified the bytes: sync, rename without replacing, sync the folder, then the
    // row. When this fails the partial is gone, and the file may go on being read by those who
    // hold it.
    virtual Task<Result<void>> publish(const Partial& partial) = 0;
    virtual Task<Result<void>> discard(const Partial& partial) = 0;

    virtual StoreUsage usage() const = 0;
    // For the transfers' own blocking work: writing and hashing.
    virtual asio::thread_pool& pool() = 0;
    // Writes what is remembered in memory (times of use) and ends background work; blocking.
    virtual void stop() = 0;
};

}  // namespace hubkeep
