#include "common/waiters.hpp"

#include <boost/asio/post.hpp>

namespace hubkeep {

std::shared_ptr<Ticket> Waiters::enroll(const Executor& executor) {
    return tickets_.emplace_back(std::make_shared<Ticket>(executor));
}

void wake(Tickets tickets) {
    for (auto& ticket : tickets) {
        const Executor executor = ticket->timer.get_executor();
        asio::post(executor, [ticket = std::move(ticket)] {
            ticket->woken = true;
            ticket->timer.cancel();
        });
    }
}

Task<bool> wait(std::shared_ptr<Ticket> ticket, TimePoint deadline) {
    if (!ticket->woken) {
        ticket->timer.expires_at(deadline);
        co_await ticket->timer.async_wait(as_result);
    }
    co_return ticket->woken;
}

Task<void> sleep_for(SteadyClock::duration time) {
    const Executor executor = co_await asio::this_coro::executor;
    Ticket ticket(executor);
    ticket.timer.expires_after(time);
    co_await ticket.timer.async_wait(as_result);
}

}  // namespace hubkeep
