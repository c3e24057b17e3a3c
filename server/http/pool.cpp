#include "server/http/pool.hpp"

namespace hubkeep {

Client::Pool::Pool(Executor executor, const ClientSettings& settings)
    : idle_time_(settings.idle_timeout),
      per_origin_(settings.idle_per_origin),
      timer_(std::move(executor)) {}

std::unique_ptr<Connection> Client::Pool::take(const Origin& origin) {
    const auto found = idle_.find(origin);
    if (found == idle_.end()) return nullptr;
    auto& list = found->second;
    std::unique_ptr<Connection> taken;
    while (!taken && !list.empty()) {
        auto idle = std::move(list.back());
        list.pop_back();
        const bool fresh = SteadyClock::now() - idle.since < idle_time_;
        // Input without a question can only be an end or an answer that was planted.
        if (fresh && !idle.connection->stream->has_input_or_eof()) {
            taken = std::move(idle.connection);
        }
    }
    if (list.empty()) idle_.erase(found);
    return taken;
}

void Client::Pool::put(const Origin& origin, std::unique_ptr<Connection> connection) {
    if (closed_ || per_origin_ == 0 || !connection->stream->is_open()) return;
    connection->stream->expires_never();
    auto& list = idle_[origin];
    if (list.size() >= per_origin_) list.erase(list.begin());
    list.push_back({std::move(connection), SteadyClock::now()});
    if (!sweeping_) sweep_later();
}

void Client::Pool::close() {
    closed_ = true;
    idle_.clear();
    timer_.cancel();
}

void Client::Pool::sweep_later() {
    sweeping_ = true;
    timer_.expires_after(idle_time_);
    timer_.async_wait([weak = weak_from_this()](const error_code& ec) {
        const auto pool = ec ? nullptr : weak.lock();
        if (pool) pool->sweep();
    });
}

void Client::Pool::sweep() {
    sweeping_ = false;
    const auto now = SteadyClock::now();
    for (auto at = idle_.begin(); at != idle_.end();) {
        std::erase_if(at->second, [&](const Idle& idle) {
            return now - idle.since >= idle_time_ || idle.connection->stream->has_input_or_eof();
        });
        at = at->second.empty() ? idle_.erase(at) : std::next(at);
    }
    if (!idle_.empty() && !closed_) sweep_later();
}

}  // namespace hubkeep
