#include "server/store/disk_blob_store.hpp"

#include <chrono>
#include <random>
#include <thread>

#include "common/check.hpp"
#include "common/offload.hpp"

namespace hubkeep {
namespace {

std::int64_t system_seconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<seconds>(now).count();
}

std::uint64_t new_generation() {
    std::random_device random;
    return (std::uint64_t{random()} << 32) | random();
}

}  // namespace

// The mark of use of an open partial, with what the store has to know about it.
class DiskBlobStore::Filling : public InUse {
  public:
    Filling(std::unique_ptr<InUse> use, std::shared_ptr<Space> space, fs::path path,
            std::uint64_t generation, std::uint64_t remembered)
        : use_(std::move(use)),
          space_(std::move(space)),
          path_(std::move(path)),
          generation_(generation) {
        account_->written = remembered;
        account_->remembered = remembered;
    }
    ~Filling() override {
        // A file that no row speaks of, or that must not be trusted, is of no use to anybody.
        if (!gone_ && (broken_ || account_->remembered == 0)) (void)remove_file(path_);
        space_->let_go(*account_);
    }

    static Filling& of(const Partial& partial) {
        auto* const filling = dynamic_cast<Filling*>(partial.in_use.get());
        CHECK(filling != nullptr);
        return *filling;
    }
    const fs::path& path() const { return path_; }
    std::uint64_t generation() const { return generation_; }
    const std::shared_ptr<PartialAccount>& account() const { return account_; }

    // Held for each change of the partial's row, so that none follows the last one.
    std::mutex mutex;
    bool gone_ = false;    // guarded by mutex: published or discarded
    bool broken_ = false;  // guarded by mutex: a sync failed, so the content is not to be trusted

  private:
    const std::unique_ptr<InUse> use_;
    const std::shared_ptr<Space> space_;
    const fs::path path_;
    const std::uint64_t generation_;
    const std::shared_ptr<PartialAccount> account_ = std::make_shared<PartialAccount>();
};

Result<std::unique_ptr<DiskBlobStore>> DiskBlobStore::open(const Options& options, Index& index,
                                                           Log& log) {
    auto lock = Layout(options.data_dir).claim(log);
    if (!lock) return std::unexpected(lock.error());
    Readers readers;
    for (auto* const reader : {&readers.pool, &readers.evictor, &readers.keeper}) {
        auto opened = index.new_reader();
        if (!opened) return std::unexpected(opened.error());
        *reader = std::move(*opened);
    }
    const auto totals = readers.pool->totals();
    std::unique_ptr<DiskBlobStore> store(
        new DiskBlobStore(options, std::move(*lock), index, log, std::move(readers)));
    store->parts_.space->load(totals);
    store->keeper_.start();
    return store;
}

DiskBlobStore::DiskBlobStore(const Options& options, File lock, Index& index, Log& log,
                             Readers readers)
    : lock_(std::move(lock)),
      parts_{.layout = Layout(options.data_dir),
             .index = index,
             .log = log,
             .uses = std::make_shared<UseTable>(),
             .space = std::make_shared<Space>(options.max_bytes),
             .clock = options.clock ? options.clock : system_seconds},
      pool_reader_(std::move(readers.pool)),
      evictor_(parts_, options.keep_free_bytes, std::move(readers.evictor)),
      keeper_(parts_, std::move(readers.keeper)),
      pool_(std::max(2u, std::thread::hardware_concurrency())) {}

DiskBlobStore::~DiskBlobStore() {
    stop();
}

void DiskBlobStore::stop() {
    evicting_.join();
    pool_.join();
    keeper_.stop();
}

std::optional<BlobRow> DiskBlobStore::blob_row(const Digest& digest) {
    const std::lock_guard lock(reader_mutex_);
    return pool_reader_->blob(digest);
}

std::optional<PartialRow> DiskBlobStore::partial_row(const Digest& digest) {
    const std::lock_guard lock(reader_mutex_);
    return pool_reader_->partial(digest);
}

std::optional<Blob> DiskBlobStore::open(const Digest& digest, IndexReader& reader) {
    const auto presence = parts_.uses->presence(digest);
    // The mark comes first: what is marked is not evicted between the row and the file.
    auto use = parts_.uses->try_use(digest);
    if (!use) return std::nullopt;
    const auto row = reader.blob(digest);
    if (!row) return std::nullopt;
    auto file = File::open_read(parts_.layout.blob(digest));
    const auto size = file ? file->size() : std::unexpected(file.error());
    if (!size || *size != row->size) {
        use.reset();  // or the keeper would find the digest in use, and leave it
        keeper_.examine_later(digest);
        return std::nullopt;
    }
    touch(digest);
    return Blob{digest, *size, std::make_shared<const File>(std::move(*file)), std::move(use),
                presence};
}

Task<Result<std::unique_ptr<Reservation>>> DiskBlobStore::reserve(std::uint64_t bytes,
                                                                  const Partial* partial) {
    auto account = partial ? Filling::of(*partial).account() : nullptr;
    const auto made =
        co_await offload(evicting_, [this, bytes] { return evictor_.make_room(bytes); });
    if (!made) co_return std::unexpected(made.error());
    co_return std::make_unique<SpaceReservation>(parts_.space, bytes, std::move(account));
}

Task<Result<Partial>> DiskBlobStore::open_partial(Digest digest, std::uint64_t size) {
    auto opened =
        co_await offload(pool_, [this, digest, size] { return open_partial_now(digest, size); });
    co_return opened;
}

Result<Partial> DiskBlobStore::open_partial_now(const Digest& digest, std::uint64_t size) {
    auto use = parts_.uses->use(digest);
    const auto row = partial_row(digest);
    if (row) {
        const auto path = parts_.layout.partial(digest, row->generation);
        const auto extents = Extents::decode(row->extents);
        const auto on_disk = hubkeep::file_size(path);
        if (row->size == size && extents && extents->total() == row->present && on_disk &&
            extents->end() <= *on_disk && *on_disk <= size) {
            auto file = File::open_write(path);
            if (!file) return std::unexpected(file.error());
            auto filling = std::make_unique<Filling>(std::move(use), parts_.space, path,
                                                     row->generation, row->present);
            return Partial{digest, size, std::move(*file), *extents, std::move(filling)};
        }
        const auto dropped = parts_.index.write_now({DropPartial{digest}});
        if (!dropped) return std::unexpected(dropped.error());
        parts_.space->remove_partial(row->present);
        const auto removed = remove_file(path);
        if (!removed) return std::unexpected(removed.error());
    }
    const auto generation = new_generation();
    const auto path = parts_.layout.partial(digest, generation);
    auto file = File::create_new(path);
    if (!file) return std::unexpected(file.error());
    auto filling = std::make_unique<Filling>(std::move(use), parts_.space, path, generation, 0);
    return Partial{digest, size, std::move(*file), {}, std::move(filling)};
}

Task<Result<void>> DiskBlobStore::checkpoint(const Partial& partial, Extents present) {
    const auto done = co_await offload(
        pool_, [this, &partial, &present] { return checkpoint_now(partial, present); });
    co_return done;
}

Result<void> DiskBlobStore::checkpoint_now(const Partial& partial, const Extents& present) {
    auto& filling = Filling::of(partial);
    const std::lock_guard lock(filling.mutex);
    if (filling.gone_) return {};
    if (filling.broken_)
        return fail(ErrorKind::io, "a partial that could not be synced is not kept");
    const auto synced = partial.file.sync_data();
    if (!synced) {
        filling.broken_ = true;
        return synced;
    }
    if (filling.account()->remembered == 0) {
        const auto named = sync_folder(parts_.layout.partials());
        if (!named) return named;
    }
    PartialRow row{.size = partial.size,
                   .present = present.total(),
                   .extents = present.encode(),
                   .updated_at = parts_.now(),
                   .generation = filling.generation()};
    const auto written = parts_.index.write_now({PutPartial{partial.digest, std::move(row)}});
    if (!written) return written;
    parts_.space->remembered(*filling.account(), present.total());
    return {};
}

Task<Result<void>> DiskBlobStore::publish(const Partial& partial) {
    const auto done = co_await offload(pool_, [this, &partial] { return publish_now(partial); });
    co_return done;
}

Result<void> DiskBlobStore::publish_now(const Partial& partial) {
    auto& filling = Filling::of(partial);
    const std::lock_guard lock(filling.mutex);
    CHECK(!filling.gone_);
    filling.gone_ = true;
    const auto moved = filling.broken_
                           ? fail(ErrorKind::io, "a file that could not be synced is not kept")
                           : move_into_place(partial, filling.path());
    if (!moved) {
        const auto removed = discard_now(partial);
        if (!removed)
            parts_.log.error("cannot remove a partial", {{"cause", removed.error().message}});
        return moved;
    }
    // Nobody else writes this row now, so what it says is what is counted.
    const auto before = blob_row(partial.digest);
    const BlobRow row{partial.size, parts_.now()};
    const auto written = parts_.index.write_now({PutBlob{partial.digest, row}});
    parts_.space->gone(*filling.account());
    if (!written) {
        const auto removed = remove_file(parts_.layout.blob(partial.digest));
        if (!removed)
            parts_.log.error("cannot remove a file", {{"cause", removed.error().message}});
        return written;
    }
    if (before) parts_.space->remove_blob(before->size);
    parts_.space->add_blob(partial.size);
    return {};
}

Result<void> DiskBlobStore::move_into_place(const Partial& partial, const fs::path& from) {
    const auto size = partial.file.size();
    if (!size) return std::unexpected(size.error());
    if (*size != partial.size) {
        return fail(ErrorKind::corrupt, "a file of the store has another length than was written");
    }
    const auto synced = partial.file.sync_data();
    if (!synced) return synced;
    const auto to = parts_.layout.blob(partial.digest);
    const auto folder = to.parent_path();
    auto moved = rename_new(from, to);
    if (!moved && moved.error().kind == ErrorKind::not_found) {
        const auto made = make_folders(folder);
        if (!made) return made;
        const auto named = sync_folder(folder.parent_path());
        if (!named) return named;
        moved = rename_new(from, to);
    }
    if (moved && !*moved) {
        const auto there = hubkeep::file_size(to);
        if (there && *there == partial.size) {
            const auto removed = remove_file(from);
            if (!removed) return removed;
        } else {
            const auto aside = parts_.layout.set_aside(partial.digest);
            if (!aside) return aside;
            moved = rename_new(from, to);
            if (moved && !*moved) return fail(ErrorKind::io, "the place of a file is taken again");
        }
    }
    if (!moved) return std::unexpected(moved.error());
    const auto named = sync_folder(folder);
    if (!named) (void)remove_file(to);
    return named;
}

Task<Result<void>> DiskBlobStore::discard(const Partial& partial) {
    const auto discard = [this, &partial]() -> Result<void> {
        auto& filling = Filling::of(partial);
        const std::lock_guard lock(filling.mutex);
        if (filling.gone_) return {};
        filling.gone_ = true;
        return discard_now(partial);
    };
    const auto done = co_await offload(pool_, discard);
    co_return done;
}

// With the partial's mutex held.
Result<void> DiskBlobStore::discard_now(const Partial& partial) {
    auto& filling = Filling::of(partial);
    const auto dropped = filling.account()->remembered > 0
                             ? parts_.index.write_now({DropPartial{partial.digest}})
                             : Result<void>();
    const auto removed = remove_file(filling.path());
    parts_.space->gone(*filling.account());
    if (!dropped) return dropped;
    return removed;
}

}  // namespace hubkeep
