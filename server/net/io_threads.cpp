#include "server/net/io_threads.hpp"

#include <boost/asio/post.hpp>
#include <csignal>
#include <exception>
#include <latch>
#include <string>

#include "common/check.hpp"
#include "server/net/stream.hpp"

namespace hubkeep {
namespace {

// Enough to keep a disk busy.
constexpr std::size_t disk_reader_count = 4;
constexpr std::size_t scratch_bytes = 256 * 1024;

void run(asio::io_context& context, Log& log) {
    for (;;) {
        try {
            context.run();
            return;
        } catch (const std::exception& e) {
            // Only a bug in a bare handler gets here; the other connections deserve to go on.
            log.error("an event handler failed unexpectedly; please report this",
                      {{"cause", e.what()}});
        }
    }
}

}  // namespace

IoThread::IoThread(std::size_t number, asio::thread_pool& disk_readers, Log& log)
    : number_(number),
      disk_readers_(disk_readers),
      log_(log),
      work_(context_.get_executor()),
      tasks_(executor(), log) {}

std::span<char> IoThread::scratch() {
    if (!scratch_) scratch_ = std::make_unique_for_overwrite<char[]>(scratch_bytes);
    return {scratch_.get(), scratch_bytes};
}

void IoThread::post(std::function<void()> function) {
    asio::post(context_, std::move(function));
}

void IoThread::add(Stream& stream) {
    stream.place_ = streams_.size();
    streams_.push_back(&stream);
    open_streams_.store(streams_.size(), std::memory_order_relaxed);
}

void IoThread::remove(Stream& stream) {
    CHECK(stream.place_ < streams_.size() && streams_[stream.place_] == &stream);
    streams_[stream.place_] = streams_.back();
    streams_[stream.place_]->place_ = stream.place_;
    streams_.pop_back();
    open_streams_.store(streams_.size(), std::memory_order_relaxed);
}

void IoThread::close_streams() {
    // Closing only posts completions, so no stream comes or goes meanwhile.
    for (Stream* stream : streams_) stream->close();
}

IoThreads::IoThreads(std::size_t count, Log& log) : disk_readers_(disk_reader_count) {
    CHECK(count > 0);
    for (std::size_t i = 0; i < count; ++i) {
        threads_.push_back(std::make_unique<IoThread>(i, disk_readers_, log));
    }
}

IoThreads::~IoThreads() {
    for (const auto& thread : threads_) CHECK(!thread->thread_.joinable());
}

void IoThreads::start() {
    for (auto& thread : threads_) {
        thread->thread_ = std::thread([&io = *thread] {
            sigset_t signals;
            sigemptyset(&signals);
            sigaddset(&signals, SIGPIPE);
            pthread_sigmask(SIG_BLOCK, &signals, nullptr);
            pthread_setname_np(pthread_self(), ("io-" + std::to_string(io.number())).c_str());
            run(io.context_, io.log_);
        });
    }
}

IoThread& IoThreads::next() {
    return *threads_[turn_.fetch_add(1, std::memory_order_relaxed) % threads_.size()];
}

void IoThreads::on_each(const std::function<void(IoThread&)>& function) {
    std::latch done(static_cast<std::ptrdiff_t>(threads_.size()));
    for (auto& thread : threads_) {
        thread->post([&, &io = *thread] {
            function(io);
            done.count_down();
        });
    }
    done.wait();
}

void IoThreads::join() {
    for (auto& thread : threads_) thread->post([&io = *thread] { io.work_.reset(); });
    for (auto& thread : threads_) {
        if (thread->thread_.joinable()) thread->thread_.join();
    }
    disk_readers_.join();
}

}  // namespace hubkeep
