#include "server/http/request_counts.hpp"

#include <algorithm>

namespace hubkeep {

void RequestCounts::add(int status, std::string_view cache, std::uint64_t sent_bytes) {
    const auto row = static_cast<std::size_t>(status) - lowest_status;
    if (row >= statuses) return;
    const auto found = std::ranges::find(verdicts, cache);
    const auto column = std::min<std::size_t>(found - verdicts.begin(), verdicts.size() - 1);
    requests_[row][column].fetch_add(1, std::memory_order_relaxed);
    sent_bytes_.fetch_add(sent_bytes, std::memory_order_relaxed);
}

std::vector<RequestCounts::Line> RequestCounts::lines() const {
    std::vector<Line> lines;
    for (std::size_t row = 0; row < statuses; ++row) {
        for (std::size_t column = 0; column < verdicts.size(); ++column) {
            const auto count = requests_[row][column].load(std::memory_order_relaxed);
            if (count == 0) continue;
            lines.push_back({static_cast<int>(row + lowest_status), verdicts[column], count});
        }
    }
    return lines;
}

}  // namespace hubkeep
