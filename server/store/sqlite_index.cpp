#include "server/store/sqlite_index.hpp"

#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <future>

namespace hubkeep {
namespace {

// A write costs one, and one more for each KiB of a listing: some 64 MiB may wait at most.
constexpr std::size_t max_queued_cost = 64 * 1024;
constexpr std::size_t max_batch_cost = 4 * 1024;
constexpr auto idle_before_checkpoint = seconds(1);
constexpr auto prune_interval = seconds(10);
constexpr int max_damaged_files = 100;
constexpr std::uint64_t cheap_to_examine_bytes = 64 * 1024 * 1024;

std::size_t cost_of(const std::vector<IndexWrite>& writes) {
    std::size_t cost = 0;
    for (const auto& write : writes) {
        ++cost;
        if (const auto* listing = std::get_if<PutListing>(&write)) {
            cost += listing->row.body.size() / 1024;
        }
        if (const auto* put = std::get_if<PutEntries>(&write)) cost += put->entries.size();
        if (const auto* touches = std::get_if<TouchBlobs>(&write)) cost += touches->used.size();
    }
    return cost;
}

std::size_t hash_of(const Scope& scope) {
    std::size_t hash = 0;
    for (const std::string_view part : {scope.kind, scope.name, scope.access}) {
        hash = hash * 31 + std::hash<std::string_view>()(part);
    }
    return hash;
}

// Times of use only help to choose what leaves first; everything else has to be written.
bool may_be_lost(const std::vector<IndexWrite>& writes) {
    for (const auto& write : writes) {
        if (!std::holds_alternative<TouchBlobs>(write)) return false;
    }
    return true;
}

fs::path beside(const fs::path& path, std::string_view ending) {
    return path.string() + std::string(ending);
}

bool is_file(const fs::path& path) {
    return hubkeep::file_size(path).has_value();
}

Result<File> lock_index(const fs::path& path) {
    auto lock = File::open_write(beside(path, ".lock"));
    if (!lock) return lock;
    const auto locked = lock->try_lock();
    if (!locked) return std::unexpected(locked.error());
    if (!*locked) {
        return fail(ErrorKind::denied,
                    fmt::format("another hubkeep uses {}; stop it or choose another data folder",
                                path.string()));
    }
    return lock;
}

fs::path mark_of_damage(const fs::path& path) {
    return beside(path, ".suspect");
}

// Damage is looked for when it was met before, and whenever looking costs no more than a fraction
// of a second. A kill or a power cut is no reason: SQLite's log is made for them, and reading all
// of a large index would keep clients waiting for minutes.
bool is_suspect(const fs::path& path) {
    const auto size = hubkeep::file_size(path);
    return is_file(mark_of_damage(path)) || (size && *size <= cheap_to_examine_bytes);
}

// The log goes with its database: a new database must never find it.
Result<fs::path> move_aside(const fs::path& path) {
    for (int number = 1; number <= max_damaged_files; ++number) {
        const auto aside = beside(path, fmt::format(".damaged-{}", number));
        const auto moved = rename_new(path, aside);
        if (!moved) return std::unexpected(moved.error());
        if (!*moved) continue;
        if (is_file(beside(path, "-wal"))) {
            const auto log_moved = rename_new(beside(path, "-wal"), beside(aside, "-wal"));
            if (!log_moved || !*log_moved) {
                const auto removed = remove_file(beside(path, "-wal"));
                if (!removed) return std::unexpected(removed.error());
            }
        }
        const auto removed = remove_file(beside(path, "-shm"));
        if (!removed) return std::unexpected(removed.error());
        return aside;
    }
    return fail(ErrorKind::corrupt,
                fmt::format("{} is damaged, and so were {} before it; check the disk, then remove "
                            "them",
                            path.string(), max_damaged_files));
}

}  // namespace

Result<std::unique_ptr<SqliteIndex>> SqliteIndex::open(const fs::path& path, std::size_t n_readers,
                                                       Log& log, std::uint64_t max_bytes) {
    auto lock = lock_index(path);
    if (!lock) return std::unexpected(lock.error());
    std::unique_ptr<SqliteIndex> index(new SqliteIndex(path, std::move(*lock), log, max_bytes));
    const auto opened = index->open_connections(n_readers);
    if (!opened) return std::unexpected(opened.error());
    index->thread_ = std::thread([self = index.get()] { self->run(); });
    return index;
}

Result<void> SqliteIndex::open_connections(std::size_t n_readers) {
    const auto opened = try_to_open(n_readers, is_suspect(path_));
    if (opened || opened.error().kind != ErrorKind::corrupt) return opened;
    readers_.clear();
    writer_.reset();
    const auto aside = move_aside(path_);
    if (!aside) return std::unexpected(aside.error());
    health_.log().error("the index was damaged and is begun anew; files are found again by a scan",
                        {{"cause", opened.error().message}, {"kept", aside->string()}});
    return try_to_open(n_readers, false);
}

Result<void> SqliteIndex::try_to_open(std::size_t n_readers, bool examine) {
    auto writer = SqliteWriter::open(path_, examine);
    if (!writer) return std::unexpected(writer.error());
    writer_ = std::move(*writer);
    for (std::size_t i = 0; i < n_readers; ++i) {
        auto reader = SqliteReader::open(path_, health_);
        if (!reader) return std::unexpected(reader.error());
        readers_.push_back(std::move(*reader));
    }
    return remove_file(mark_of_damage(path_));
}

SqliteIndex::~SqliteIndex() {
    stop();
}

Result<std::unique_ptr<IndexReader>> SqliteIndex::new_reader() {
    return SqliteReader::open(path_, health_);
}

Changes::Mark SqliteIndex::mark(const Scope& scope) const {
    return changes_.mark(hash_of(scope));
}

void SqliteIndex::enqueue(Job job) {
    job.cost = cost_of(job.writes);
    std::unique_lock lock(mutex_);
    const auto has_room = [&] {
        return stopping_ || queue_.empty() || queued_cost_ + job.cost <= max_queued_cost;
    };
    if (!has_room() && !job.done && may_be_lost(job.writes)) return;
    room_.wait(lock, has_room);
    if (stopping_) {
        lock.unlock();
        if (job.done)
            job.done(fail(ErrorKind::cancelled, "the index is closed; hubkeep is stopping"));
        return;
    }
    queued_cost_ += job.cost;
    queue_.push_back(std::move(job));
    lock.unlock();
    arrived_.notify_one();
}

Task<Result<void>> SqliteIndex::write(std::vector<IndexWrite> writes) {
    const Executor executor = co_await asio::this_coro::executor;
    Result<void> outcome;
    auto start = [&](auto handler) {
        // The io thread must not run out of work while the writing thread has the handler.
        auto guard = asio::make_work_guard(executor);
        Job job;
        job.writes = std::move(writes);
        job.done = [&outcome, executor, guard = std::move(guard),
                    handler = std::move(handler)](Result<void> committed) mutable {
            outcome = std::move(committed);
            asio::post(executor, std::move(handler));
        };
        enqueue(std::move(job));
    };
    co_await asio::async_initiate<const UseTask, void()>(start, UseTask{});
    co_return outcome;
}

void SqliteIndex::post(std::vector<IndexWrite> writes) {
    Job job;
    job.writes = std::move(writes);
    enqueue(std::move(job));
}

Result<void> SqliteIndex::write_now(std::vector<IndexWrite> writes) {
    std::promise<Result<void>> promise;
    auto outcome = promise.get_future();
    Job job;
    job.writes = std::move(writes);
    job.done = [&promise](Result<void> committed) { promise.set_value(std::move(committed)); };
    enqueue(std::move(job));
    return outcome.get();
}

std::deque<SqliteIndex::Job> SqliteIndex::take_batch() {
    std::deque<Job> batch;
    std::size_t cost = 0;
    while (!queue_.empty() && (batch.empty() || cost + queue_.front().cost <= max_batch_cost)) {
        cost += queue_.front().cost;
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    queued_cost_ -= cost;
    return batch;
}

void SqliteIndex::prune_when_due() {
    const auto now = SteadyClock::now();
    if (now < prune_due_) return;
    const auto pruned = writer_->prune(max_bytes_);
    if (!pruned) health_.failed("the index cannot be kept small", pruned.error());
    // What is left to take is taken after the next commits, a little each time.
    if (!pruned || !*pruned) prune_due_ = now + prune_interval;
}

void SqliteIndex::run() {
    bool log_is_empty = false;
    prune_when_due();
    std::unique_lock lock(mutex_);
    for (;;) {
        const auto has_work = [this] { return stopping_ || !queue_.empty(); };
        if (log_is_empty) {
            arrived_.wait(lock, has_work);
        } else if (!arrived_.wait_for(lock, idle_before_checkpoint, has_work)) {
            lock.unlock();
            const auto emptied = writer_->checkpoint();
            if (!emptied) health_.failed("the index cannot empty its log", emptied.error());
            lock.lock();
            log_is_empty = true;
            continue;
        }
        if (queue_.empty()) break;  // stopping, and everything is written
        auto batch = take_batch();
        lock.unlock();
        room_.notify_all();
        commit(std::move(batch));
        prune_when_due();
        mark_damage();
        lock.lock();
        log_is_empty = false;
    }
    lock.unlock();
    const auto emptied = writer_->checkpoint();
    if (!emptied) health_.failed("the index cannot empty its log", emptied.error());
    mark_damage();
}

// At once, because a kill must not make it forgotten.
void SqliteIndex::mark_damage() {
    if (marked_ || !health_.damaged()) return;
    marked_ = File::open_write(mark_of_damage(path_)).has_value();
}

// Also when it failed: who can tell what was written.
void SqliteIndex::announce(const std::vector<IndexWrite>& writes) {
    for (const auto& write : writes) {
        if (const auto* put = std::get_if<PutEntries>(&write)) {
            changes_.announce(hash_of(put->scope));
        } else if (const auto* page = std::get_if<PutTreePage>(&write)) {
            changes_.announce(hash_of(page->scope));
        } else if (const auto* gated = std::get_if<PutGated>(&write)) {
            changes_.announce(hash_of(gated->scope));
        } else if (const auto* alias = std::get_if<PutAlias>(&write)) {
            const auto& [kind, name, access] = alias->scope;
            changes_.announce(hash_of(alias->scope));
            changes_.announce(hash_of({kind, alias->canonical, access}));
        }
    }
}

void SqliteIndex::commit(std::deque<Job> batch) {
    std::vector<const std::vector<IndexWrite>*> all;
    for (const auto& job : batch) all.push_back(&job.writes);
    const auto committed = writer_->commit(all);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        auto outcome = committed;
        // What failed together may be due to one of them; the others must not suffer.
        if (!committed && batch.size() > 1) outcome = writer_->commit(std::span(all).subspan(i, 1));
        if (!outcome) health_.failed("the index cannot be written", outcome.error());
        announce(batch[i].writes);
        if (batch[i].done) batch[i].done(std::move(outcome));
    }
}

void SqliteIndex::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    arrived_.notify_all();
    room_.notify_all();
    if (!thread_.joinable()) return;
    thread_.join();
}

}  // namespace hubkeep
