// Flight, the part about who fetches what.

#include <algorithm>

#include "common/check.hpp"
#include "server/store/flight.hpp"

namespace hubkeep {

std::optional<ByteRange> Flight::unclaimed_gap(ByteRange goal) const {
    std::uint64_t from = goal.begin;
    while (from < goal.end) {
        const auto gap = present_.first_gap({from, goal.end});
        if (!gap) return std::nullopt;
        ByteRange free = *gap;
        for (const auto& [id, claimed] : claims_) {
            if (claimed.empty()) continue;
            if (claimed.begin <= free.begin && free.begin < claimed.end) free.begin = claimed.end;
        }
        if (free.begin != gap->begin) {
            from = free.begin;  // a claim was in the way; what follows may be present or claimed
            continue;
        }
        for (const auto& [id, claimed] : claims_) {
            if (!claimed.empty() && claimed.begin > free.begin) {
                free.end = std::min(free.end, claimed.begin);
            }
        }
        return free;
    }
    return std::nullopt;
}

Flight::Claim Flight::add_claim(ByteRange range) {
    if (claimed_since_ == TimePoint{}) {
        claimed_since_ = SteadyClock::now();
        received_ = 0;
    }
    const auto id = next_claim_++;
    claims_.emplace(id, range);
    return {id, range};
}

// Those whom it leaves something to claim.
Tickets Flight::end_claim(std::uint64_t claim) {
    const auto found = claims_.find(claim);
    if (found == claims_.end()) return {};
    const bool leaves_some = !found->second.empty() || claims_.size() >= max_claims;
    claims_.erase(found);
    return leaves_some ? take_readers() : Tickets();
}

// By one claim.
std::uint64_t Flight::comes_within(SteadyClock::duration time) const {
    const std::chrono::duration<double> passed = SteadyClock::now() - claimed_since_;
    if (claims_.empty() || passed.count() <= 0) return 0;
    const auto pace = static_cast<double>(received_ / claims_.size()) / passed.count();
    const auto bytes = pace * std::chrono::duration<double>(time).count();
    return static_cast<std::uint64_t>(std::min(bytes, static_cast<double>(size_)));
}

std::optional<Flight::Claim> Flight::claim_for_reader(std::uint64_t position, ByteRange goal,
                                                      SteadyClock::duration patience) {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::filling || claims_.size() >= max_claims) return std::nullopt;
    if (position >= size_ || present_.present_until(position) > position) return std::nullopt;
    const auto is_under_way = [](const auto& claim) { return !claim.second.empty(); };
    if (one_stream_ && std::ranges::any_of(claims_, is_under_way)) return std::nullopt;
    for (auto& [id, claimed] : claims_) {
        if (position < claimed.begin || position >= claimed.end) continue;
        const auto near = std::max(near_bytes, comes_within(patience));
        if (position - claimed.begin <= near) return std::nullopt;
        const ByteRange rest{position, std::min(claimed.end, goal.end)};
        claimed.end = position;
        return add_claim(rest);
    }
    // The slice around the position, unless something of it is there or on its way already.
    const auto gap = unclaimed_gap({goal.begin, goal.end});
    if (gap && gap->begin <= position && position < gap->end) return add_claim(*gap);
    const auto rest = unclaimed_gap({position, goal.end});
    if (!rest || rest->begin != position) return std::nullopt;
    return add_claim(*rest);
}

std::optional<ByteRange> Flight::second_half(ByteRange goal, std::uint64_t least) {
    ByteRange* longest = nullptr;
    for (auto& [id, claimed] : claims_) {
        const bool inside = claimed.begin >= goal.begin && claimed.end <= goal.end;
        if (!inside || claimed.empty()) continue;
        if (!longest || claimed.size() > longest->size()) longest = &claimed;
    }
    if (!longest || longest->size() / 2 < least) return std::nullopt;
    const auto middle = longest->begin + longest->size() / 2;
    return ByteRange{middle, std::exchange(longest->end, middle)};
}

std::optional<Flight::Claim> Flight::next_claim(std::uint64_t done, ByteRange goal,
                                                Portion portion) {
    Tickets tickets;
    std::optional<Claim> next;
    {
        const std::lock_guard lock(mutex_);
        // What lies ahead of the fastest reader comes first.
        auto front = goal;
        for (const auto& reader : readers_) {
            if (reader.position < goal.end) front.begin = std::max(front.begin, reader.position);
        }
        tickets = end_claim(done);
        if (phase_ == Phase::filling) {
            auto range = unclaimed_gap(front);
            if (!range) range = unclaimed_gap(goal);
            // A rest that is not worth a request goes with the portion before it.
            if (range && range->size() >= portion.most + portion.most / 2) {
                range->end = range->begin + portion.most;
            }
            if (!range) range = second_half(goal, portion.least);
            if (range) next = add_claim(*range);
            if (claims_.empty()) claimed_since_ = {};
        }
    }
    wake(std::move(tickets));
    return next;
}

ByteRange Flight::extend(std::uint64_t claim, ByteRange goal) {
    const std::lock_guard lock(mutex_);
    one_stream_ = true;
    auto& range = claims_.at(claim);
    if (range.empty() || range.end >= goal.end) return range;
    const auto rest = unclaimed_gap({range.end, goal.end});
    if (rest && rest->begin == range.end) range.end = rest->end;
    return range;
}

std::optional<ByteRange> Flight::begin_filling(ByteRange goal) {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::filling) return std::nullopt;
    // What others bring at its ends is left out, until no other reaches over one.
    for (bool cut = true; cut && !goal.empty();) {
        cut = false;
        for (const auto& other : fills_) {
            const auto before = goal;
            if (other.begin <= goal.begin) goal.begin = std::max(goal.begin, other.end);
            if (other.end >= goal.end) goal.end = std::min(goal.end, other.begin);
            if (goal.empty()) return std::nullopt;
            cut = cut || goal != before;
        }
    }
    if (goal.empty()) return std::nullopt;
    fills_.push_back(goal);
    return goal;
}

void Flight::end_filling(ByteRange part) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(fills_, part);
    CHECK(found != fills_.end());
    fills_.erase(found);
}

std::uint64_t Flight::unfilled_in(ByteRange goal) const {
    const std::lock_guard lock(mutex_);
    auto coming = present_;
    for (const auto& part : fills_) coming.add(part);
    return coming.missing_in(goal);
}

std::uint64_t Flight::advance(std::uint64_t claim, std::uint64_t bytes) {
    Tickets tickets;
    std::uint64_t end = 0;
    {
        const std::lock_guard lock(mutex_);
        auto& range = claims_.at(claim);
        const ByteRange written{range.begin, range.begin + bytes};
        CHECK(written.end <= size_);
        const auto before = present_.total();
        present_.add(written);
        received_ += written.size();
        if (since_checkpoint_ == 0) unremembered_since_ = SteadyClock::now();
        since_checkpoint_ += present_.total() - before;
        range.begin = written.end;
        range.end = std::max(range.end, range.begin);
        end = range.end;
        tickets = take_readers_in(written);
    }
    wake(std::move(tickets));
    return end;
}

ByteRange Flight::claimed(std::uint64_t claim) const {
    const std::lock_guard lock(mutex_);
    return claims_.at(claim);
}

void Flight::release(std::uint64_t claim) {
    Tickets tickets;
    {
        const std::lock_guard lock(mutex_);
        tickets = end_claim(claim);
        if (claims_.empty()) claimed_since_ = {};
    }
    wake(std::move(tickets));
}

}  // namespace hubkeep
