#pragma once
// Waiters: coroutines that wait for a change of something shared. The owner keeps a Waiters beside
// the state, under the same mutex. A reader, under that mutex, looks at the state and enrolls; then
// it unlocks and awaits its ticket. A writer changes the state under the mutex, takes the tickets
// out, unlocks and wakes them. No wake-up is lost: the wake is posted to the reader's own thread,
// which is busy with the reader until it waits. Tickets are used by their own thread alone.

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "common/task.hpp"

namespace hubkeep {

struct Ticket {
    explicit Ticket(const Executor& executor) : timer(executor) {}
    asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor> timer;
    bool woken = false;
};

using Tickets = std::vector<std::shared_ptr<Ticket>>;

class Waiters {
  public:
    // With the owner's mutex held, on the io thread of `executor`.
    [[nodiscard]] std::shared_ptr<Ticket> enroll(const Executor& executor);
    // With the owner's mutex held; wake() them after unlocking.
    [[nodiscard]] Tickets take() { return std::exchange(tickets_, {}); }
    bool empty() const { return tickets_.empty(); }

  private:
    Tickets tickets_;
};

// From any thread.
void wake(Tickets tickets);
// True when woken, false when the time ran out first.
Task<bool> wait(std::shared_ptr<Ticket> ticket, TimePoint deadline);

Task<void> sleep_for(SteadyClock::duration time);

}  // namespace hubkeep
