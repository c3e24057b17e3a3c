#pragma once
// RequestCounts: how many requests a SessionHub has seen end, by status and by what the cache did,
// since the start of the process. Any thread; sums that are read while requests end may lag behind
// each other by some of them.

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hubkeep {

class RequestCounts {
  public:
    struct Line {
        int status = 0;  // 499: the client left before the answer
        std::string_view cache;
        std::uint64_t requests = 0;
    };

    void add(int status, std::string_view cache, std::uint64_t sent_bytes);
    // Those that have happened, ordered by status.
    std::vector<Line> lines() const;
    // Of bodies.
    std::uint64_t sent_bytes() const { return sent_bytes_.load(std::memory_order_relaxed); }

  private:
    // What RequestRecord::cache may say; anything else counts as the last.
    static constexpr std::array<std::string_view, 7> verdicts = {
        "hit", "miss", "joined", "stale", "revalidated", "bypass", "none"};
    static constexpr std::size_t lowest_status = 100;
    static constexpr std::size_t statuses = 500;  // 100 to 599

    using Counter = std::atomic<std::uint64_t>;
    std::array<std::array<Counter, verdicts.size()>, statuses> requests_{};
    Counter sent_bytes_{0};
};

}  // namespace hubkeep
