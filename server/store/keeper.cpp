#include "server/store/keeper.hpp"

#include "server/store/scan.hpp"

namespace hubkeep {
namespace {

constexpr auto look_interval = seconds(5);
// A file in steady use changes its row once in this time, and no more often. A kill forgets the
// uses since; an eviction does not, as it writes them down first.
constexpr auto touch_interval = seconds(60);
// Whoever stumbles over the others again will name them again.
constexpr std::size_t max_suspects = 1024;
// A scan of millions of files must not be felt: it rests three times as long as it works.
constexpr auto shortest_work = std::chrono::milliseconds(5);
constexpr auto longest_rest = seconds(1);

}  // namespace

void Keeper::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Keeper::examine_later(const Digest& digest) {
    {
        const std::lock_guard lock(mutex_);
        if (suspects_.size() >= max_suspects) return;
        suspects_.insert(digest);
    }
    changed_.notify_all();
}

void Keeper::wait_until_idle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !busy_ && suspects_.empty(); });
}

void Keeper::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    parts_.write_touches();
    const std::lock_guard lock(mutex_);
    busy_ = false;
    suspects_.clear();
    changed_.notify_all();
}

void Keeper::write_touches_when_due() {
    const auto now = SteadyClock::now();
    if (now < touches_due_ && !parts_.uses->is_filling_up()) return;
    touches_due_ = now + touch_interval;
    parts_.write_touches();
}

void Keeper::examine_suspects(const std::stop_token& stop) {
    std::vector<Digest> suspects;
    {
        const std::lock_guard lock(mutex_);
        suspects.assign(suspects_.begin(), suspects_.end());
        suspects_.clear();
    }
    examiner_.examine(suspects, stop);
    examiner_.report();
}

// Between two steps of the scan.
void Keeper::breathe(const std::stop_token& stop) {
    write_touches_when_due();
    const auto worked = SteadyClock::now() - working_since_;
    if (worked < shortest_work) return;
    {
        std::unique_lock lock(mutex_);
        const auto rest = std::min<SteadyClock::duration>(3 * worked, longest_rest);
        changed_.wait_for(lock, stop, rest, [this] { return !suspects_.empty(); });
    }
    working_since_ = SteadyClock::now();
    examine_suspects(stop);
}

void Keeper::run(const std::stop_token& stop) {
    working_since_ = SteadyClock::now();
    Scan(parts_, examiner_, [this, &stop] { breathe(stop); }).run(stop);
    examiner_.report();
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        busy_ = false;
        changed_.notify_all();
        changed_.wait_for(lock, stop, look_interval, [this] { return !suspects_.empty(); });
        if (stop.stop_requested()) break;
        busy_ = true;
        lock.unlock();
        examine_suspects(stop);
        write_touches_when_due();
        lock.lock();
    }
}

}  // namespace hubkeep
