#include "server/proxy/transfer_slots.hpp"

#include "common/check.hpp"

namespace hubkeep {

TransferSlots::Slot::Slot(Slot&& other) noexcept
    : slots_(std::exchange(other.slots_, nullptr)), host_(std::move(other.host_)) {}

TransferSlots::Slot& TransferSlots::Slot::operator=(Slot&& other) noexcept {
    if (this != &other) {
        give_back();
        slots_ = std::exchange(other.slots_, nullptr);
        host_ = std::move(other.host_);
    }
    return *this;
}

void TransferSlots::Slot::give_back() {
    if (auto* const slots = std::exchange(slots_, nullptr)) slots->put_back(host_);
}

Task<TransferSlots::Slot> TransferSlots::take() {
    const Executor executor = co_await asio::this_coro::executor;
    std::shared_ptr<Ticket> ticket;
    {
        const std::lock_guard lock(mutex_);
        if (waited_for_ < limits_.waited_for) {
            ++waited_for_;
            co_return Slot(this, {});
        }
        ticket = waiting_.emplace_back(std::make_shared<Ticket>(executor));
    }
    co_await wait(ticket, TimePoint::max());
    co_return Slot(this, {});
}

TransferSlots::Slot TransferSlots::try_take_further(std::string host) {
    CHECK(!host.empty());
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty() || further_ >= limits_.further) return {};
    const auto at = hosts_.find(host);
    if (limits_.per_host == 0 || (at != hosts_.end() && at->second >= limits_.per_host)) return {};
    ++further_;
    ++hosts_[host];
    return Slot(this, std::move(host));
}

bool TransferSlots::are_wanted() const {
    const std::lock_guard lock(mutex_);
    return !waiting_.empty();
}

void TransferSlots::put_back(const std::string& host) {
    Tickets next;
    {
        const std::lock_guard lock(mutex_);
        if (!host.empty()) {
            --further_;
            const auto at = hosts_.find(host);
            if (--at->second == 0) hosts_.erase(at);
        } else if (waiting_.empty()) {
            --waited_for_;
        } else {
            next.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
    }
    wake(std::move(next));
}

}  // namespace hubkeep
