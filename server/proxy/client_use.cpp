#include "server/proxy/client_use.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/hub/rate_limit.hpp"

namespace hubkeep {
namespace {

constexpr std::int64_t pause_seconds = 1;

HubError over(std::string what, std::int64_t wait_seconds) {
    auto error = overloaded(wait_seconds);
    error.message =
        fmt::format("This key of hubkeep {}; try again in {} seconds.", what, wait_seconds);
    return error;
}

}  // namespace

ClientUse::Place::~Place() {
    if (!use_) return;
    const std::lock_guard lock(use_->mutex_);
    --use_->running_;
}

void ClientUse::replace(ClientLimits limits) {
    const std::lock_guard lock(mutex_);
    if (limits.per_minute != limits_.per_minute) counted_at_ = TimePoint::min();
    limits_ = limits;
}

// 0 when there is one request left in the bucket, which is then taken.
std::int64_t ClientUse::seconds_to_wait(TimePoint now) {
    if (limits_.per_minute == 0) return 0;
    const double full = limits_.per_minute;
    const double per_second = full / 60;
    if (counted_at_ == TimePoint::min()) {
        left_ = full;
    } else {
        const std::chrono::duration<double> passed = now - counted_at_;
        left_ = std::min(full, left_ + std::max(0.0, passed.count()) * per_second);
    }
    counted_at_ = now;
    if (left_ < 1) return static_cast<std::int64_t>(std::ceil((1 - left_) / per_second));
    left_ -= 1;
    return 0;
}

std::expected<void, HubError> ClientUse::check_concurrent() const {
    if (limits_.concurrent == 0 || running_ < limits_.concurrent) return {};
    return std::unexpected(over(
        fmt::format("may have {} requests under way at once", limits_.concurrent), pause_seconds));
}

std::expected<ClientUse::Place, HubError> ClientUse::enter(const std::shared_ptr<ClientUse>& use,
                                                           TimePoint now) {
    if (!use) return Place();
    const std::lock_guard lock(use->mutex_);
    const auto& limits = use->limits_;
    const auto has_room = use->check_concurrent();
    if (!has_room) return std::unexpected(has_room.error());
    const auto wait = use->seconds_to_wait(now);
    if (wait != 0) {
        auto error = over(fmt::format("may send {} requests in a minute", limits.per_minute), wait);
        error.limit_policy = to_text(RateLimitPolicy{error.limit, limits.per_minute, 60});
        return std::unexpected(std::move(error));
    }
    ++use->running_;
    return Place(use);
}

std::expected<ClientUse::Place, HubError> ClientUse::enter_part(
    const std::shared_ptr<ClientUse>& use) {
    if (!use) return Place();
    const std::lock_guard lock(use->mutex_);
    const auto has_room = use->check_concurrent();
    if (!has_room) return std::unexpected(has_room.error());
    ++use->running_;
    return Place(use);
}

}  // namespace hubkeep
