#pragma once
// IoThreads: one io_context per core, each run by one thread. A connection lives and dies on one of
// them, so nothing in it needs a lock. Made by the daemon before everything that runs on them,
// destroyed after. IoThread's members may be used on its own thread only, except executor(), post()
// and open_streams(). SIGPIPE is blocked on these threads: sendfile(2) has no flag against it.
// Beside them, a few threads read what is not in the page cache: disk_readers().

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "common/log.hpp"
#include "common/task.hpp"
#include "common/task_group.hpp"

namespace hubkeep {

class Stream;

class IoThread {
  public:
    IoThread(std::size_t number, asio::thread_pool& disk_readers, Log& log);

    std::size_t number() const { return number_; }
    Executor executor() { return context_.get_executor(); }
    asio::io_context& context() { return context_; }
    TaskGroup& tasks() { return tasks_; }
    asio::thread_pool& disk_readers() { return disk_readers_; }
    // 256 KiB for what one call does without waiting: the next one may write over it.
    std::span<char> scratch();
    // From any thread.
    void post(std::function<void()> function);

    // Open streams, so that a stop can close what is left. Streams add and remove themselves.
    void add(Stream& stream);
    void remove(Stream& stream);
    void close_streams();
    std::size_t open_streams() const { return open_streams_.load(std::memory_order_relaxed); }
    // Name lookups that are running for this thread; they may outlive it (see lookup.hpp).
    const std::shared_ptr<std::atomic<int>>& lookups() const { return lookups_; }

  private:
    friend class IoThreads;
    const std::size_t number_;
    asio::thread_pool& disk_readers_;
    Log& log_;
    std::unique_ptr<char[]> scratch_;  // from its first use on
    // Before the context: tasks that it still holds when it goes take their streams with them.
    std::vector<Stream*> streams_;  // each knows its place
    std::atomic<std::size_t> open_streams_{0};
    const std::shared_ptr<std::atomic<int>> lookups_ = std::make_shared<std::atomic<int>>(0);
    asio::io_context context_{1};
    asio::executor_work_guard<Executor> work_;
    TaskGroup tasks_;
    std::thread thread_;
};

class IoThreads {
  public:
    IoThreads(std::size_t count, Log& log);
    ~IoThreads();  // join() must have been called when start() was

    void start();
    std::size_t size() const { return threads_.size(); }
    IoThread& at(std::size_t number) { return *threads_[number]; }
    IoThread& next();  // round robin, any thread
    // Runs `function` on every io thread and waits until all have returned. Not from an io thread.
    void on_each(const std::function<void(IoThread&)>& function);
    // Lets the threads end when their work is done, and waits for them.
    void join();

  private:
    asio::thread_pool disk_readers_;
    std::vector<std::unique_ptr<IoThread>> threads_;
    std::atomic<std::size_t> turn_{0};
};

}  // namespace hubkeep
