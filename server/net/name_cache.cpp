#include "server/net/name_cache.hpp"

#include <algorithm>

namespace hubkeep {
namespace {

constexpr std::size_t max_names = 256;
constexpr auto failure_time = seconds(1);
// The port is not part of what is asked; every user puts in its own.
constexpr std::uint16_t any_port = 0;

}  // namespace

std::optional<Result<Endpoints>> NameTable::find(const std::string& host, TimePoint now) {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(host);
    if (found == names_.end() || now >= found->second.good_until) return std::nullopt;
    Name& name = found->second;
    name.used = now;
    if (name.endpoints.empty() && name.failure) return std::unexpected(*name.failure);
    return name.endpoints;
}

Result<Endpoints> NameTable::learn(const std::string& host, Result<Endpoints> outcome,
                                   TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (names_.size() >= max_names && !names_.contains(host)) {
        const auto by_use = [](const auto& a, const auto& b) {
            return a.second.used < b.second.used;
        };
        names_.erase(std::ranges::min_element(names_, by_use));
    }
    Name& name = names_[host];
    name.used = now;
    if (outcome) {
        name.endpoints = *outcome;
        name.failure.reset();
        name.good_until = now + ttl_;
        return outcome;
    }
    name.failure = outcome.error();
    name.good_until = now + failure_time;
    if (name.endpoints.empty()) return outcome;
    return name.endpoints;
}

Task<Result<Endpoints>> NameCache::ask(std::shared_ptr<NameCache> self, IoThread& thread,
                                       std::string host, TimePoint deadline) {
    auto outcome = co_await lookup(thread, host, any_port, deadline);
    co_return self->table_.learn(host, std::move(outcome), SteadyClock::now());
}

Task<Result<Endpoints>> NameCache::find(IoThread& thread, std::string host, std::uint16_t port,
                                        TimePoint deadline) {
    const auto self = shared_from_this();
    auto known = table_.find(host, SteadyClock::now());
    if (!known) {
        // Somebody else with more time may wait for the same lookup.
        const auto limit = std::max(deadline, SteadyClock::now() + seconds(5));
        const auto answer = co_await lookups_.ask(
            thread.tasks(), host,
            [self, &thread, host, limit] { return ask(self, thread, host, limit); }, deadline);
        if (!answer) {
            co_return fail(ErrorKind::timed_out, "the name server did not answer for " + host);
        }
        known = answer->value;
    }
    if (*known) {
        for (auto& endpoint : **known) endpoint.port(port);
    }
    co_return std::move(*known);
}

}  // namespace hubkeep
