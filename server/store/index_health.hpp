#pragma once
// IndexHealth: what the connections of one index tell about its file. Reads answer "not known" when
// they fail, so that serving goes on; here the failure becomes a log line, at most one in ten
// seconds, and damage is remembered so that the next start examines the file. Any thread.

#include <atomic>

#include "common/log.hpp"
#include "common/result.hpp"
#include "common/task.hpp"

namespace hubkeep {

class IndexHealth {
  public:
    explicit IndexHealth(Log& log) : log_(log) {}

    void failed(std::string_view doing, const Error& error) {
        if (error.kind == ErrorKind::corrupt) damaged_ = true;
        const auto now = SteadyClock::now().time_since_epoch().count();
        auto next = next_line_.load();
        if (now < next || !next_line_.compare_exchange_strong(next, now + pause)) return;
        log_.error(doing, {{"cause", error.message}});
    }
    bool damaged() const { return damaged_; }
    Log& log() { return log_; }

  private:
    static constexpr auto pause = SteadyClock::duration(seconds(10)).count();
    Log& log_;
    std::atomic<bool> damaged_{false};
    std::atomic<SteadyClock::rep> next_line_{0};
};

}  // namespace hubkeep
