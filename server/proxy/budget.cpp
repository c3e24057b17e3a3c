#include "server/proxy/budget.hpp"

#include <algorithm>

namespace hubkeep {
namespace {

constexpr std::size_t max_accounts = 1000;
// A 429 that does not say for how long.
constexpr auto default_pause = seconds(10);
// With so many under way and answered well, the bucket is no longer tried but used.
constexpr std::size_t room_when_open = 64;
// The Hub rounds its reset to seconds: an answer within this of the known one is of that window.
constexpr auto same_window = milliseconds(1500);
constexpr std::uint64_t kept_for_foreground_percent = 5;
constexpr double background_share = 0.25;

std::int64_t seconds_until(TimePoint time, TimePoint now) {
    if (time <= now) return 0;
    return std::chrono::ceil<seconds>(time - now).count();
}

}  // namespace

// A window that is over: what was known of it is worth nothing.
void Budget::roll(State& state, TimePoint now) {
    if (now < state.reset || (!state.closed && !state.left)) return;
    if (state.closed || state.left == 0u) state.room = 1;
    state.closed = false;
    state.left.reset();
}

// Null when there are too many accounts to keep one more.
Budget::State* Budget::open_state(const Account& account, TimePoint now) {
    auto found = states_.find(account);
    if (found == states_.end() && states_.size() >= max_accounts) {
        std::erase_if(states_, [&](const auto& entry) {
            const State& state = entry.second;
            return state.under_way == 0 && state.waiting.empty() && now >= state.reset;
        });
        if (states_.size() >= max_accounts) return nullptr;
    }
    if (found == states_.end()) found = states_.try_emplace(account).first;
    roll(found->second, now);
    return &found->second;
}

bool Budget::is_kept_back(const State& state, Priority priority, TimePoint now) {
    if (priority == Priority::foreground || !state.left || !state.policy) return false;
    const auto quota = state.policy->quota;
    if (*state.left * 100 < quota * kept_for_foreground_percent) return true;
    if (priority != Priority::background || state.policy->window_seconds <= 0) return false;
    const auto time_left = std::chrono::duration<double>(state.reset - now).count();
    const auto share = time_left / static_cast<double>(state.policy->window_seconds);
    return static_cast<double>(*state.left) <
           background_share * static_cast<double>(quota) * std::min(share, 1.0);
}

Budget::Decision Budget::decide(const State& state, Priority priority, TimePoint now) {
    const bool waits = priority == Priority::foreground;
    const auto otherwise = waits ? Verdict::wait : Verdict::refuse;
    if (state.closed || state.left == 0u) return {otherwise, state.reset, nullptr};
    if (state.left && *state.left <= state.under_way) {
        // The answers under way tell how it stands.
        return {otherwise, waits ? TimePoint::max() : state.reset, nullptr};
    }
    if (is_kept_back(state, priority, now)) return {Verdict::refuse, state.reset, nullptr};
    if (state.under_way >= state.room) {
        return {otherwise, waits ? TimePoint::max() : now + seconds(1), nullptr};
    }
    return {};
}

Budget::Decision Budget::take(const Account& account, Priority priority, TimePoint now,
                              const Executor& executor) {
    const std::lock_guard lock(mutex_);
    State* const state = open_state(account, now);
    if (state == nullptr) return {};
    auto decision = decide(*state, priority, now);
    if (decision.verdict == Verdict::go) ++state->under_way;
    if (decision.verdict == Verdict::wait) {
        decision.ticket = std::make_shared<Ticket>(executor);
        state->waiting.push_back(decision.ticket);
    }
    return decision;
}

void Budget::leave(const Account& account, const std::shared_ptr<Ticket>& ticket, bool gives_up) {
    Tickets woken;
    {
        const std::lock_guard lock(mutex_);
        const auto found = states_.find(account);
        if (found == states_.end()) return;
        std::erase(found->second.waiting, ticket);
        if (gives_up) woken = next(found->second);
    }
    wake(std::move(woken));
}

void Budget::wake_all() {
    Tickets woken;
    {
        const std::lock_guard lock(mutex_);
        for (auto& [account, state] : states_) {
            woken.insert(woken.end(), state.waiting.begin(), state.waiting.end());
            state.waiting.clear();
        }
    }
    wake(std::move(woken));
}

// Those who may go now; they look again. When the bucket has closed all of them: it may be for
// longer than they can wait.
Tickets Budget::next(State& state) {
    Tickets woken;
    if (state.closed) {
        woken.assign(state.waiting.begin(), state.waiting.end());
        state.waiting.clear();
        return woken;
    }
    auto room = state.room - std::min(state.room, state.under_way);
    if (state.left) {
        const auto left = *state.left - std::min<std::uint64_t>(*state.left, state.under_way);
        room = std::min<std::uint64_t>(room, left);
    }
    while (!state.waiting.empty() && woken.size() < room) {
        woken.push_back(std::move(state.waiting.front()));
        state.waiting.pop_front();
    }
    return woken;
}

void Budget::read(State& state, const Report& report, TimePoint now) {
    if (report.policy) state.policy = report.policy;
    if (report.refused) {
        const auto told = report.limit ? report.limit->reset_seconds : report.retry_after_seconds;
        const auto reset =
            now + (told >= 0 ? seconds(std::max<std::int64_t>(told, 1)) : default_pause);
        state.reset = told < 0 && state.closed ? std::max(state.reset, reset) : reset;
        state.closed = true;
        state.left = 0;
        return;
    }
    if (!report.limit || state.closed) return;
    const auto reset = now + seconds(report.limit->reset_seconds);
    // Answers overtake each other: within a window the lowest count is the latest.
    const bool same = state.left && reset < state.reset + same_window;
    state.left = same ? std::min(*state.left, report.limit->left) : report.limit->left;
    state.reset = reset;
}

void Budget::settle(const Account& account, const Report& report, TimePoint now) {
    Tickets woken;
    {
        const std::lock_guard lock(mutex_);
        const auto found = states_.find(account);
        if (found == states_.end()) return;
        State& state = found->second;
        roll(state, now);
        state.under_way -= std::min<std::size_t>(state.under_way, 1);
        read(state, report, now);
        const bool tried = !report.refused && state.room < unlimited;
        if (tried) state.room = state.room < room_when_open ? state.room + 1 : unlimited;
        woken = next(state);
    }
    wake(std::move(woken));
}

void Budget::give_up(const Account& account) {
    Tickets woken;
    {
        const std::lock_guard lock(mutex_);
        const auto found = states_.find(account);
        if (found == states_.end()) return;
        State& state = found->second;
        state.under_way -= std::min<std::size_t>(state.under_way, 1);
        woken = next(state);
    }
    wake(std::move(woken));
}

Budget::Line Budget::line_of(const Account& account, const State& state, TimePoint now) {
    const bool over = now >= state.reset;
    RateLimit limit{std::string(name_of(account.bucket)), state.left.value_or(0),
                    seconds_until(state.reset, now)};
    return {account, std::move(limit), state.policy, state.closed && !over, state.waiting.size()};
}

Budget::Line Budget::line(const Account& account, TimePoint now) const {
    const std::lock_guard lock(mutex_);
    const auto found = states_.find(account);
    auto line = found == states_.end() ? line_of(account, State{}, now)
                                       : line_of(account, found->second, now);
    line.limit.reset_seconds = std::max<std::int64_t>(line.limit.reset_seconds, 1);
    return line;
}

std::vector<Budget::Line> Budget::snapshot(TimePoint now) const {
    std::vector<Line> lines;
    const std::lock_guard lock(mutex_);
    for (const auto& [account, state] : states_) {
        if (now < state.reset && (state.left || state.closed)) {
            lines.push_back(line_of(account, state, now));
        }
    }
    return lines;
}

}  // namespace hubkeep
