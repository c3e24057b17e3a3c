#pragma once
// DiskBlobStore: blobs as flat files on one file system, next to an Index. The daemon opens it
// after the index and stops it before. What serves a hit runs in place on the io thread: a mark of
// use, one row, one open(2). Everything that writes or syncs runs on the pool, evicting on a thread
// of its own, repairs on the keeper's thread.
//
// A row is written when its file is complete, verified, synced, renamed into place and the folder
// synced; it is removed before its file is. So after a kill at any point a blob is there or it is
// not. Rules on who may touch a digest: use_table.hpp. Errors: no_space, denied, io; corrupt when a
// partial does not hold what it should.

#include <functional>

#include "server/store/blob_store.hpp"
#include "server/store/evictor.hpp"
#include "server/store/keeper.hpp"

namespace hubkeep {

class DiskBlobStore : public BlobStore {
  public:
    struct Options {
        fs::path data_dir;
        std::uint64_t max_bytes = 0;
        std::uint64_t keep_free_bytes = 0;    // on the disk, whatever the limit says
        std::function<std::int64_t()> clock;  // seconds since 1970; empty: the system's
    };
    static Result<std::unique_ptr<DiskBlobStore>> open(const Options& options, Index& index,
                                                       Log& log);
    ~DiskBlobStore() override;

    std::optional<Blob> open(const Digest& digest, IndexReader& reader) override;
    void touch(const Digest& digest) override { parts_.uses->touch(digest, parts_.now()); }
    Task<Result<std::unique_ptr<Reservation>>> reserve(std::uint64_t bytes,
                                                       const Partial* partial = nullptr) override;
    Task<Result<Partial>> open_partial(Digest digest, std::uint64_t size) override;
    Task<Result<void>> checkpoint(const Partial& partial, Extents present) override;
    Task<Result<void>> publish(const Partial& partial) override;
    Task<Result<void>> discard(const Partial& partial) override;
    StoreUsage usage() const override { return parts_.space->usage(); }
    asio::thread_pool& pool() override { return pool_; }
    void stop() override;

    // Returns when the scan of the start is over and no doubtful file is left; blocking.
    void wait_until_examined() { keeper_.wait_until_idle(); }

  private:
    class Filling;
    struct Readers {
        std::unique_ptr<IndexReader> pool, evictor, keeper;
    };
    DiskBlobStore(const Options& options, File lock, Index& index, Log& log, Readers readers);

    Result<Partial> open_partial_now(const Digest& digest, std::uint64_t size);
    Result<void> checkpoint_now(const Partial& partial, const Extents& present);
    Result<void> publish_now(const Partial& partial);
    Result<void> discard_now(const Partial& partial);
    Result<void> move_into_place(const Partial& partial, const fs::path& from);
    std::optional<BlobRow> blob_row(const Digest& digest);
    std::optional<PartialRow> partial_row(const Digest& digest);

    const File lock_;
    DiskParts parts_;
    std::mutex reader_mutex_;  // guards pool_reader_, which the pool's threads share
    const std::unique_ptr<IndexReader> pool_reader_;
    Evictor evictor_;  // the evicting thread's
    Keeper keeper_;
    asio::thread_pool evicting_{1};
    asio::thread_pool pool_;
};

}  // namespace hubkeep
