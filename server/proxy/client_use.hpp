#pragma once
// ClientUse: what the limits of one key count, and when it was last used. Shared by the list of
// keys and the requests that are being answered; it stays the same when the list is read again. Any
// thread.

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>

#include "common/task.hpp"
#include "config/client_keys.hpp"
#include "server/hub/errors.hpp"

namespace hubkeep {

class ClientUse {
  public:
    explicit ClientUse(ClientLimits limits) : limits_(limits) {}

    // Holds a place among the concurrent requests until it goes.
    class Place {
      public:
        Place() = default;  // of somebody without limits
        explicit Place(std::shared_ptr<ClientUse> use) : use_(std::move(use)) {}
        Place(Place&&) = default;
        Place& operator=(Place&&) = delete;
        ~Place();

      private:
        std::shared_ptr<ClientUse> use_;
    };

    void replace(ClientLimits limits);
    // One request begins, or is one too many: 429. `use` may be null.
    static std::expected<Place, HubError> enter(const std::shared_ptr<ClientUse>& use,
                                                TimePoint now);
    // The same for one of many requests by which a client reads a file that it has asked for: it
    // counts among the concurrent ones alone.
    static std::expected<Place, HubError> enter_part(const std::shared_ptr<ClientUse>& use);
    // Seconds since 1970; 0: not since the start.
    std::int64_t last_used() const { return last_used_.load(); }
    void used_at(std::int64_t time) { last_used_.store(time); }

  private:
    std::expected<void, HubError> check_concurrent() const;
    std::int64_t seconds_to_wait(TimePoint now);

    std::atomic<std::int64_t> last_used_{0};
    std::mutex mutex_;
    ClientLimits limits_;
    unsigned running_ = 0;
    // A bucket that holds a minute's worth and fills all the time.
    double left_ = 0;
    TimePoint counted_at_ = TimePoint::min();  // min: never, the bucket is full
};

}  // namespace hubkeep
