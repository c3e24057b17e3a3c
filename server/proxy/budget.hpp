#pragma once
// Budget: what is left of the quota that all clients share. The Hub counts requests per account and
// bucket in windows of some minutes; its answers tell how many are left. A 429, or an answer that
// says that none is left, closes that bucket until its reset and nothing else. Then one question
// tries, and each good answer lets one more be under way, so that those who waited do not rush in
// together to be refused again. Any thread. Times come from the caller, so tests own the clock.
//
// Who may ask: `foreground` may use all that is left. `revalidation`, whose asker has
// something stale at hand, leaves the last 5 % alone. `background`, for which nobody waits, stops
// when less than a quarter is left of what the time to the reset would grant.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/waiters.hpp"
#include "server/hub/rate_limit.hpp"

namespace hubkeep {

enum class Priority {
    foreground,    // somebody waits, and nothing else can be given
    revalidation,  // somebody waits, but a stale answer is at hand
    background,    // nobody waits
};

class Budget {
  public:
    struct Account {
        std::string endpoint;  // its URL
        std::string who;       // fingerprint of the credential, "" without one
        Bucket bucket = Bucket::api;

        auto operator<=>(const Account&) const = default;
    };
    // What an answer told, as far as it told anything.
    struct Report {
        bool refused = false;  // it was a 429
        std::optional<RateLimit> limit;
        std::optional<RateLimitPolicy> policy;
        std::int64_t retry_after_seconds = -1;
    };
    struct Line {
        Account account;
        RateLimit limit;
        std::optional<RateLimitPolicy> policy;
        bool closed = false;
        std::size_t waiting = 0;
    };
    enum class Verdict { go, wait, refuse };
    struct Decision {
        Verdict verdict = Verdict::go;
        // When to look again (wait; max when only a wake-up helps), or when the bucket may be asked
        // again (refuse).
        TimePoint until{};
        std::shared_ptr<Ticket> ticket;  // to wait with; then hand it to leave()
    };

    // `go` counts the request as under way: the caller hands in settle() or give_up() once.
    Decision take(const Account& account, Priority priority, TimePoint now,
                  const Executor& executor);
    // After a wait. One that gives up leaves its place to the next.
    void leave(const Account& account, const std::shared_ptr<Ticket>& ticket, bool gives_up);
    void settle(const Account& account, const Report& report, TimePoint now);
    // The request ended without an answer.
    void give_up(const Account& account);
    // For a stop: nobody waits any longer.
    void wake_all();
    // What to tell a client that is refused now.
    Line line(const Account& account, TimePoint now) const;
    std::vector<Line> snapshot(TimePoint now) const;

  private:
    struct State {
        std::optional<std::uint64_t> left;  // within the window that ends at `reset`
        std::optional<RateLimitPolicy> policy;
        TimePoint reset{};
        bool closed = false;
        std::size_t room = unlimited;  // requests that may be under way at once
        std::size_t under_way = 0;
        std::deque<std::shared_ptr<Ticket>> waiting;
    };
    static constexpr std::size_t unlimited = SIZE_MAX;

    State* open_state(const Account& account, TimePoint now);
    static void roll(State& state, TimePoint now);
    static Decision decide(const State& state, Priority priority, TimePoint now);
    static bool is_kept_back(const State& state, Priority priority, TimePoint now);
    static void read(State& state, const Report& report, TimePoint now);
    static Tickets next(State& state);
    static Line line_of(const Account& account, const State& state, TimePoint now);

    mutable std::mutex mutex_;
    std::map<Account, State> states_;
};

}  // namespace hubkeep
