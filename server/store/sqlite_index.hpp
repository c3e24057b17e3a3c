#pragma once
// SqliteIndex: the embedded index, one SQLite file. The daemon opens it, once per file (a lock
// beside the file sees to that), and stops it after everything that writes. One thread owns the
// only connection that writes and checkpoints; two such connections could damage the file in SQLite
// before 3.51.3. It commits what has queued up in one transaction. Each io thread reads through a
// connection of its own. A damaged file is moved aside and begun anew: it holds nothing that the
// Hub and the blobs do not know. After a power cut the last commits may be gone, never a part of
// one.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "common/file.hpp"
#include "common/log.hpp"
#include "server/store/index.hpp"
#include "server/store/index_health.hpp"
#include "server/store/sqlite_reader.hpp"
#include "server/store/sqlite_writer.hpp"

namespace hubkeep {

class SqliteIndex : public Index {
  public:
    // Listings and what is known of commits are taken out, oldest first, when all rows take more
    // than this.
    static constexpr std::uint64_t default_max_bytes = 4ULL * 1024 * 1024 * 1024;
    static Result<std::unique_ptr<SqliteIndex>> open(const fs::path& path, std::size_t n_readers,
                                                     Log& log,
                                                     std::uint64_t max_bytes = default_max_bytes);
    ~SqliteIndex() override;

    IndexReader& reader(std::size_t number) override { return *readers_.at(number); }
    Result<std::unique_ptr<IndexReader>> new_reader() override;
    Changes::Mark mark(const Scope& scope) const override;
    Task<Result<void>> write(std::vector<IndexWrite> writes) override;
    void post(std::vector<IndexWrite> writes) override;
    Result<void> write_now(std::vector<IndexWrite> writes) override;
    void stop() override;

  private:
    struct Job {
        std::vector<IndexWrite> writes;
        std::size_t cost = 0;
        std::move_only_function<void(Result<void>)> done;
    };

    SqliteIndex(fs::path path, File lock, Log& log, std::uint64_t max_bytes)
        : path_(std::move(path)), lock_(std::move(lock)), max_bytes_(max_bytes), health_(log) {}
    Result<void> open_connections(std::size_t n_readers);
    Result<void> try_to_open(std::size_t n_readers, bool examine);
    void enqueue(Job job);
    void run();
    void prune_when_due();
    void mark_damage();
    void commit(std::deque<Job> batch);
    void announce(const std::vector<IndexWrite>& writes);
    std::deque<Job> take_batch();

    const fs::path path_;
    const File lock_;
    const std::uint64_t max_bytes_;
    IndexHealth health_;  // any thread
    Changes changes_;     // any thread; of scopes
    // Constant once open() has returned. Readers close before the writer, which closes cleanly.
    std::unique_ptr<SqliteWriter> writer_;                // used by thread_ alone
    std::vector<std::unique_ptr<SqliteReader>> readers_;  // each used by its io thread alone
    TimePoint prune_due_{};                               // thread_'s
    bool marked_ = false;                                 // thread_'s
    std::thread thread_;

    std::mutex mutex_;  // guards all below
    std::condition_variable arrived_;
    std::condition_variable room_;
    std::deque<Job> queue_;
    std::size_t queued_cost_ = 0;
    bool stopping_ = false;
};

}  // namespace hubkeep
