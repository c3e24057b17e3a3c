#pragma once
// Breaker: remembers that the Hub does not answer, so that nobody waits for a timeout twice.
// Closed, it lets everything pass. Two failures in a row open it for a while that doubles from 2 to
// 30 seconds; then one request at a time may try, and its success closes it. An order to slow down
// is no failure (see Budget). Any thread.

#include <cstdint>
#include <mutex>
#include <string>

#include "common/task.hpp"

namespace hubkeep {

class Breaker {
  public:
    enum class State { closed, open, probing };

    // False when the Hub should not be asked now. A caller that got true reports the outcome.
    bool allow(TimePoint now);
    // The same without taking the turn of a probe: whether allow() would say yes.
    bool would_allow(TimePoint now) const;
    void success();
    void failure(TimePoint now, std::string cause);
    // The outcome says nothing about the Hub (our own side gave up).
    void unknown();

    State state() const;
    std::string cause() const;  // why it opened, "" when closed

  private:
    void open(TimePoint now, SteadyClock::duration time, std::string cause);

    mutable std::mutex mutex_;
    State state_ = State::closed;
    int failures_ = 0;
    TimePoint until_{};
    SteadyClock::duration pause_ = seconds(2);
    std::string cause_;
};

}  // namespace hubkeep
