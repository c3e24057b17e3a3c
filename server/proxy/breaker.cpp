#include "server/proxy/breaker.hpp"

#include <algorithm>

#include "common/redact.hpp"

namespace hubkeep {
namespace {

constexpr int failures_to_open = 2;
constexpr auto longest_pause = seconds(30);

}  // namespace

bool Breaker::allow(TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (state_ == State::closed) return true;
    if (now < until_) return false;
    // A probe that never reports back must not close the way for ever.
    state_ = State::probing;
    until_ = now + longest_pause;
    return true;
}

bool Breaker::would_allow(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    return state_ == State::closed || now >= until_;
}

void Breaker::success() {
    const std::lock_guard lock(mutex_);
    state_ = State::closed;
    failures_ = 0;
    pause_ = seconds(2);
    cause_.clear();
}

void Breaker::failure(TimePoint now, std::string cause) {
    const std::lock_guard lock(mutex_);
    if (++failures_ < failures_to_open && state_ == State::closed) return;
    const auto time = pause_;
    if (state_ != State::open) pause_ = std::min<SteadyClock::duration>(pause_ * 2, longest_pause);
    open(now, time, std::move(cause));
}

void Breaker::unknown() {
    const std::lock_guard lock(mutex_);
    if (state_ == State::probing) until_ = TimePoint{};
}

void Breaker::open(TimePoint now, SteadyClock::duration time, std::string cause) {
    if (state_ == State::open && now + time <= until_) return;
    state_ = State::open;
    until_ = now + time;
    cause_ = redact(cause);
}

Breaker::State Breaker::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

std::string Breaker::cause() const {
    const std::lock_guard lock(mutex_);
    return cause_;
}

}  // namespace hubkeep
