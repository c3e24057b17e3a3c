#include "server/store/keeper.hpp"

#include "server/store/scan.hpp"

namespace hubkeep {
namespace {

constexpr auto touch_interval = seconds(5);
// Whoever stumbles over the others again will name them again.
constexpr std::size_t max_suspects = 1024;

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
    if (now < touches_due_) return;
    touches_due_ = now + touch_interval;
    parts_.write_touches();
}

void Keeper::run(const std::stop_token& stop) {
    Scan(parts_, examiner_, [this] { write_touches_when_due(); }).run(stop);
    examiner_.report();
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        busy_ = false;
        changed_.notify_all();
        changed_.wait_for(lock, stop, touch_interval, [this] { return !suspects_.empty(); });
        if (stop.stop_requested()) break;
        const std::vector<Digest> suspects(suspects_.begin(), suspects_.end());
        suspects_.clear();
        busy_ = true;
        lock.unlock();
        examiner_.examine(suspects, stop);
        examiner_.report();
        write_touches_when_due();
        lock.lock();
    }
}

}  // namespace hubkeep
