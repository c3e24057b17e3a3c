#include "server/store/flights.hpp"

#include <fmt/format.h>

#include "common/offload.hpp"

namespace hubkeep {
namespace {

std::int64_t seconds_since_1970() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<seconds>(now).count();
}

}  // namespace

Task<Result<Flights::Joined>> Flights::join(Digest digest, std::uint64_t size,
                                            IndexReader& reader) {
    for (;;) {
        if (auto blob = store_.open(digest, reader)) co_return Joined{std::move(blob), nullptr};
        std::shared_ptr<Flight> flight;
        bool created = false;
        {
            const std::lock_guard lock(mutex_);
            auto& slot = flights_[digest];
            created = !slot || slot->phase() == Flight::Phase::failed;
            if (created) slot = std::make_shared<Flight>(digest, size);
            flight = slot;
        }
        if (!created) {
            if (flight->size() != size) {
                co_return hubkeep::fail(ErrorKind::corrupt,
                                        fmt::format("{} is known with {} and with {} bytes",
                                                    digest.hex(), flight->size(), size));
            }
            co_await flight->until_opened();
            if (const auto failure = flight->failure()) co_return std::unexpected(*failure);
            co_return Joined{std::nullopt, std::move(flight)};
        }
        // Between the look-up and the registration somebody may have published.
        if (auto blob = store_.open(digest, reader)) {
            flight->fail(Error{ErrorKind::cancelled, "the file was completed meanwhile"});
            drop(flight);
            co_return Joined{std::move(blob), nullptr};
        }
        auto partial = co_await store_.open_partial(digest, size);
        if (!partial) {
            flight->fail(partial.error());
            drop(flight);
            co_return std::unexpected(partial.error());
        }
        flight->opened(std::move(*partial));
        co_return Joined{std::nullopt, std::move(flight), true};
    }
}

void Flights::drop(const std::shared_ptr<Flight>& flight) {
    const std::lock_guard lock(mutex_);
    const auto found = flights_.find(flight->digest());
    if (found != flights_.end() && found->second == flight) flights_.erase(found);
}

Task<void> Flights::checkpoint(std::shared_ptr<Flight> flight) {
    if (!flight->begin_checkpoint()) co_return;
    const auto done = co_await store_.checkpoint(flight->partial(), flight->extents());
    flight->end_checkpoint(done.has_value());
    if (!done) log_.warn("cannot remember a transfer", {{"cause", done.error().message}});
}

Task<void> Flights::remember(std::shared_ptr<Flight> flight) {
    // On a slow disk as much may have come meanwhile, and nobody come by to ask for it.
    do co_await checkpoint(flight);
    while (flight->checkpoint_due());
}

Task<void> Flights::catch_up(std::shared_ptr<Flight> flight) {
    for (bool done = false; !done;) {
        const auto all = co_await offload(store_.pool(), [flight] { return flight->catch_up(); });
        done = !all || *all;  // a failure comes again at the verification
    }
}

Task<void> Flights::verify_and_publish(std::shared_ptr<Flight> flight) {
    if (!flight->begin_verifying()) co_return;
    const auto hex = flight->digest().hex();
    for (bool done = false; !done;) {
        const auto all = co_await offload(store_.pool(), [flight] { return flight->catch_up(); });
        if (!all) {
            co_await store_.discard(flight->partial());
            drop(flight);
            flight->fail(all.error());
            log_.error("cannot verify a file", {{"digest", hex}, {"cause", all.error().message}});
            co_return;
        }
        done = *all;
    }
    if (!flight->matches()) {
        const auto noted = co_await offload(store_.pool(), [this, flight] {
            return wrong_.note(flight->digest(), seconds_since_1970());
        });
        if (!noted) log_.error("cannot remember wrong bytes", {{"cause", noted.error().message}});
        co_await store_.discard(flight->partial());
        drop(flight);
        flight->fail(Error{ErrorKind::corrupt,
                           "the bytes that came do not have the digest that the Hub named; "
                           "nothing was kept, try again"});
        log_.error("wrong bytes from the Hub were thrown away",
                   {{"digest", hex}, {"bytes", flight->size()}});
        co_return;
    }
    flight->set_verified();
    const auto published = co_await store_.publish(flight->partial());
    drop(flight);
    if (!published) {
        log_.error("cannot keep a file; its readers still get it",
                   {{"digest", hex}, {"cause", published.error().message}});
    }
}

Task<void> Flights::fail(std::shared_ptr<Flight> flight, Error error) {
    if (!flight->begin_failing()) co_return;
    co_await flight->until_written();
    co_await flight->until_checkpointed();
    co_await checkpoint(flight);
    if (error.kind == ErrorKind::no_space) {
        // What is there would only take more room; readers hold the file as long as they need it.
        co_await store_.discard(flight->partial());
    }
    drop(flight);
    flight->fail(std::move(error));
}

Task<void> Flights::sweep(bool all) {
    std::vector<std::shared_ptr<Flight>> chosen;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [digest, flight] : flights_) {
            if (flight->phase() != Flight::Phase::filling) continue;
            // One reference is the registry's; a reader or a fetch would hold another.
            const bool unused = flight.use_count() == 1;
            if (all || unused || flight->checkpoint_due()) chosen.push_back(flight);
        }
    }
    for (auto& flight : chosen) {
        if (all) co_await flight->until_checkpointed();
        co_await checkpoint(flight);
        const std::lock_guard lock(mutex_);
        // Two references left: the registry's and ours. Joining takes this mutex, so nobody comes.
        const auto found = flights_.find(flight->digest());
        const bool is_it = found != flights_.end() && found->second == flight;
        if (is_it && flight.use_count() == 2) flights_.erase(found);
    }
}

std::size_t Flights::size() const {
    const std::lock_guard lock(mutex_);
    return flights_.size();
}

}  // namespace hubkeep
