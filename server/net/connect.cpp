#include "server/net/connect.hpp"

#include "common/waiters.hpp"

namespace hubkeep {
namespace {

constexpr auto stagger = milliseconds(250);

// Shared with the attempts, which may end when the race is over.
struct Race {
    std::vector<std::unique_ptr<Socket>> sockets;  // one per attempt begun
    std::unique_ptr<Socket> winner;
    Error last{ErrorKind::unreachable, "no address to try"};
    std::size_t running = 0;
    bool next_at_once = true;
    bool over = false;
    std::shared_ptr<Ticket> changed;
};

Task<void> attempt(std::shared_ptr<Race> race, std::size_t number,
                   asio::ip::tcp::endpoint endpoint) {
    auto& socket = race->sockets[number];
    auto [ec] = co_await socket->async_connect(endpoint, as_result);
    --race->running;
    if (race->over) co_return;
    if (ec) {
        race->last = Error{ErrorKind::unreachable, ec.message(), ec.value()};
        race->next_at_once = true;
    } else if (!race->winner) {
        race->winner = std::move(socket);
    }
    wake({race->changed});
}

// Closes what still runs, on every way out.
struct End {
    Race& race;
    ~End() {
        race.over = true;
        error_code ignored;
        for (auto& socket : race.sockets) {
            if (socket) socket->close(ignored);
        }
    }
};

}  // namespace

Endpoints interleaved(const Endpoints& endpoints) {
    Endpoints first, second, order;
    for (const auto& endpoint : endpoints) {
        const bool same = endpoint.protocol() == endpoints.front().protocol();
        (same ? first : second).push_back(endpoint);
    }
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) order.push_back(first[i]);
        if (i < second.size()) order.push_back(second[i]);
    }
    return order;
}

Task<Result<Socket>> connect_any(IoThread& thread, Endpoints endpoints, TimePoint deadline) {
    const auto order = interleaved(endpoints);
    const auto race = std::make_shared<Race>();
    // The attempts hold references to their places.
    race->sockets.reserve(order.size());
    const End end{*race};
    TimePoint next_start = TimePoint::min();
    for (;;) {
        if (race->winner) co_return std::move(*race->winner);
        const auto now = SteadyClock::now();
        if (now >= deadline) co_return fail(ErrorKind::timed_out, "no answer in time");
        const auto begun = race->sockets.size();
        race->changed = std::make_shared<Ticket>(thread.executor());
        if (begun < order.size() && (race->next_at_once || now >= next_start)) {
            race->next_at_once = false;
            next_start = now + stagger;
            race->sockets.push_back(std::make_unique<Socket>(thread.executor()));
            ++race->running;
            thread.tasks().spawn("connect", attempt(race, begun, order[begun]));
            continue;
        }
        if (race->running == 0) co_return std::unexpected(race->last);
        const auto until = begun < order.size() ? std::min(next_start, deadline) : deadline;
        co_await wait(race->changed, until);
    }
}

}  // namespace hubkeep
