#pragma once
// Changes: counters with which whoever keeps something tells those who remember what they have read
// that it may be different now. Things share a counter by their hash, so a change may be announced
// that is none: then something is read once more. Any thread.
//
// The reader takes a mark, reads, and remembers both. The writer changes, then announces, then says
// that it is done: whoever has heard that finds no mark holding that was taken before.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hubkeep {

class Changes {
    using Counter = std::atomic<std::uint64_t>;

  public:
    class Mark {
      public:
        Mark() = default;  // never holds
        bool holds() const {
            return counter_ != nullptr && counter_->load(std::memory_order_acquire) == seen_;
        }

      private:
        friend class Changes;
        explicit Mark(const Counter& counter)
            : counter_(&counter), seen_(counter.load(std::memory_order_acquire)) {}
        const Counter* counter_ = nullptr;
        std::uint64_t seen_ = 0;
    };

    // Marks must not outlive the counters.
    Mark mark(std::size_t hash) const { return Mark(counters_[hash % counters_.size()]); }
    void announce(std::size_t hash) {
        counters_[hash % counters_.size()].fetch_add(1, std::memory_order_release);
    }
    void announce_all() {
        for (auto& counter : counters_) counter.fetch_add(1, std::memory_order_release);
    }

  private:
    std::array<Counter, 1024> counters_{};
};

}  // namespace hubkeep
