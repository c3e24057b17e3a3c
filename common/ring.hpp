#pragma once
// Ring: a bounded buffer between one coroutine that produces bytes and one that consumes them, both
// on the same io thread. Each side works on a contiguous span in place while the other is busy with
// another part, so reading from the network and writing to the disk overlap without a copy.

#include <algorithm>
#include <memory>
#include <span>

#include "common/check.hpp"
#include "common/waiters.hpp"

namespace hubkeep {

class Ring {
  public:
    Ring(std::size_t capacity, Executor executor)
        : data_(std::make_unique_for_overwrite<char[]>(capacity)),
          capacity_(capacity),
          executor_(std::move(executor)) {}

    std::size_t capacity() const { return capacity_; }
    // Where the producer may write now; empty when the ring is full.
    std::span<char> free_space() {
        const std::size_t head = (tail_ + used_) % capacity_;
        const std::size_t contiguous = std::min(capacity_ - used_, capacity_ - head);
        return {data_.get() + head, contiguous};
    }
    void produced(std::size_t count) {
        CHECK(count <= capacity_ - used_);
        used_ += count;
        if (used_ >= wanted_) notify(consumer_);
    }
    void end() {
        ended_ = true;
        notify(consumer_);
    }
    // Until the consumer has done something.
    Task<void> consumption() {
        const auto ticket = producer_.enroll(executor_);
        co_await wait(ticket, TimePoint::max());
    }

    // What the consumer may take now.
    std::span<const char> content() const {
        return {data_.get() + tail_, std::min(used_, capacity_ - tail_)};
    }
    void consumed(std::size_t count) {
        CHECK(count <= used_);
        tail_ = (tail_ + count) % capacity_;
        used_ -= count;
        notify(producer_);
    }
    bool ended() const { return ended_ && used_ == 0; }
    // Until `count` bytes are there, or the producer has ended, or it is late.
    Task<void> arrival(std::size_t count, TimePoint deadline) {
        wanted_ = std::min(count, capacity_);
        while (used_ < wanted_ && !ended_) {
            const auto ticket = consumer_.enroll(executor_);
            const bool woken = co_await wait(ticket, deadline);
            if (!woken) break;
        }
    }

  private:
    static void notify(Waiters& waiters) {
        if (!waiters.empty()) wake(waiters.take());
    }

    std::unique_ptr<char[]> data_;
    const std::size_t capacity_;
    std::size_t tail_ = 0;
    std::size_t used_ = 0;
    std::size_t wanted_ = 1;  // what the consumer waits for
    bool ended_ = false;
    Executor executor_;
    Waiters producer_;
    Waiters consumer_;
};

}  // namespace hubkeep
