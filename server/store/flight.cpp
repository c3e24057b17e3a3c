#include "server/store/flight.hpp"

#include <algorithm>
#include <vector>

#include "common/check.hpp"

namespace hubkeep {
namespace {

// Less than that is left to whom the bytes behind it bring.
constexpr std::uint64_t worth_catching_up = 1024 * 1024;
// How much is hashed in one go, so that transfers share the threads.
constexpr std::uint64_t catch_up_bytes = 8 * 1024 * 1024;
// How many a transfer of a whole file makes by its bytes.
constexpr std::uint64_t checkpoints = 16;
constexpr std::uint64_t max_checkpoint_bytes = 256 * 1024 * 1024;

}  // namespace

Flight::Flight(Digest digest, std::uint64_t size)
    : digest_(digest), size_(size), hash_(digest.kind, size) {}

Flight::Phase Flight::phase() const {
    const std::lock_guard lock(mutex_);
    return phase_;
}

std::uint64_t Flight::readable_locked(std::uint64_t position, bool whole) const {
    if (phase_ == Phase::verified) return size_;
    std::uint64_t until = present_.present_until(position);
    // A range that is served before everything is there cannot be held to the digest; once
    // everything is there, every reader of the end waits for the verdict.
    if (whole || phase_ == Phase::verifying || present_.total() == size_) {
        const std::uint64_t held = size_ - std::min(size_, hold_back_bytes);
        until = std::min(until, held);
    }
    return std::max(until, position);
}

std::uint64_t Flight::readable_now(std::uint64_t position, bool whole) const {
    const std::lock_guard lock(mutex_);
    return readable_locked(position, whole);
}

Tickets Flight::take_readers() {
    Tickets tickets;
    for (auto& reader : readers_) tickets.push_back(std::move(reader.ticket));
    readers_.clear();
    return tickets;
}

Tickets Flight::take_readers_in(ByteRange range) {
    Tickets tickets;
    std::erase_if(readers_, [&](Reader& reader) {
        if (reader.position < range.begin || reader.position >= range.end) return false;
        tickets.push_back(std::move(reader.ticket));
        return true;
    });
    return tickets;
}

Task<Result<std::uint64_t>> Flight::readable(std::uint64_t position, bool whole,
                                             TimePoint deadline) {
    const Executor executor = co_await asio::this_coro::executor;
    std::shared_ptr<Ticket> ticket;
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == Phase::failed) co_return std::unexpected(*failure_);
        const auto until = readable_locked(position, whole);
        if (until > position) co_return until;
        ticket = std::make_shared<Ticket>(executor);
        readers_.push_back({position, ticket});
    }
    const bool woken = co_await wait(ticket, deadline);
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::failed) co_return std::unexpected(*failure_);
    if (!woken) {
        co_return hubkeep::fail(ErrorKind::timed_out,
                                "no bytes came from the Hub for too long; try again");
    }
    co_return readable_locked(position, whole);
}

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
    const auto id = next_claim_++;
    claims_.emplace(id, range);
    return {id, range};
}

std::optional<Flight::Claim> Flight::claim_for_reader(std::uint64_t position, ByteRange goal) {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::filling || claims_.size() >= max_claims) return std::nullopt;
    if (position >= size_ || present_.present_until(position) > position) return std::nullopt;
    for (auto& [id, claimed] : claims_) {
        if (position < claimed.begin || position >= claimed.end) continue;
        if (position - claimed.begin <= near_bytes) return std::nullopt;
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
        if (claims_.erase(done) > 0) tickets = take_readers();
        if (phase_ == Phase::filling) {
            // What lies ahead of the fastest reader comes first.
            auto front = goal;
            for (const auto& reader : readers_) {
                if (reader.position < goal.end)
                    front.begin = std::max(front.begin, reader.position);
            }
            auto range = unclaimed_gap(front);
            if (!range) range = unclaimed_gap(goal);
            // A rest that is not worth a request goes with the portion before it.
            if (range && range->size() >= portion.most + portion.most / 2) {
                range->end = range->begin + portion.most;
            }
            if (!range) range = second_half(goal, portion.least);
            if (range) next = add_claim(*range);
        }
    }
    wake(std::move(tickets));
    return next;
}

ByteRange Flight::extend(std::uint64_t claim, ByteRange goal) {
    const std::lock_guard lock(mutex_);
    auto& range = claims_.at(claim);
    if (range.empty() || range.end >= goal.end) return range;
    const auto rest = unclaimed_gap({range.end, goal.end});
    if (rest && rest->begin == range.end) range.end = rest->end;
    return range;
}

std::optional<ByteRange> Flight::begin_filling(std::uint64_t from) {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::filling || from >= size_) return std::nullopt;
    if (filling_ > 0 && filled_from_ <= from) return std::nullopt;
    const auto end = filling_ > 0 ? filled_from_ : size_;
    ++filling_;
    filled_from_ = from;
    return ByteRange{from, end};
}

void Flight::end_filling() {
    const std::lock_guard lock(mutex_);
    CHECK(filling_ > 0);
    --filling_;
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
        claims_.erase(claim);
        tickets = take_readers();  // a reader may have to claim what was given up
    }
    wake(std::move(tickets));
}

std::uint64_t Flight::missing_in(ByteRange goal) const {
    const std::lock_guard lock(mutex_);
    std::uint64_t missing = 0;
    while (const auto gap = present_.first_gap(goal)) {
        missing += gap->size();
        goal.begin = gap->end;
    }
    return missing;
}

std::uint64_t Flight::missing() const {
    const std::lock_guard lock(mutex_);
    return size_ - present_.total();
}

bool Flight::is_full() const {
    const std::lock_guard lock(mutex_);
    return present_.total() == size_;
}

std::uint64_t Flight::run_before(std::uint64_t position) const {
    const std::lock_guard lock(mutex_);
    return position - present_.present_since(position);
}

std::size_t Flight::stretches() const {
    const std::lock_guard lock(mutex_);
    return present_.count();
}

bool Flight::begin_verifying() {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::filling || present_.total() != size_) return false;
    phase_ = Phase::verifying;
    return true;
}

bool Flight::begin_catching_up() {
    const std::lock_guard lock(mutex_);
    const auto hashed = hash_.position();
    if (phase_ != Phase::filling || catching_up_) return false;
    if (present_.present_until(hashed) < hashed + worth_catching_up) return false;
    catching_up_ = true;
    return true;
}

Result<bool> Flight::catch_up() {
    const auto there = [this] {
        const std::lock_guard lock(mutex_);
        const auto hashed = hash_.position();
        const auto until = present_.present_until(hashed);
        if (until == hashed || phase_ == Phase::failed) catching_up_ = false;
        return phase_ == Phase::failed ? hashed : std::min(until, hashed + catch_up_bytes);
    };
    const auto until = there();
    const auto done = hash_.catch_up(partial_.file, until);
    if (!done) return std::unexpected(done.error());
    return there() <= hash_.position();
}

void Flight::set_verified() {
    Tickets tickets;
    {
        const std::lock_guard lock(mutex_);
        CHECK(phase_ == Phase::verifying);
        phase_ = Phase::verified;
        tickets = take_readers();
    }
    wake(std::move(tickets));
}

void Flight::fail(Error error) {
    Tickets tickets;
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == Phase::failed || phase_ == Phase::verified) return;
        phase_ = Phase::failed;
        failure_ = std::move(error);
        tickets = take_readers();
    }
    wake(std::move(tickets));
}

std::optional<Error> Flight::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

void Flight::opened(Partial partial) {
    Tickets tickets;
    {
        const std::lock_guard lock(mutex_);
        CHECK(phase_ == Phase::opening);
        present_ = partial.present;
        partial_ = std::move(partial);
        phase_ = Phase::filling;
        tickets = take_readers();
    }
    wake(std::move(tickets));
}

Task<void> Flight::until_opened() {
    const Executor executor = co_await asio::this_coro::executor;
    for (;;) {
        std::shared_ptr<Ticket> ticket;
        {
            const std::lock_guard lock(mutex_);
            if (phase_ != Phase::opening) co_return;
            ticket = std::make_shared<Ticket>(executor);
            readers_.push_back({0, ticket});
        }
        co_await wait(ticket, TimePoint::max());
    }
}

Extents Flight::extents() const {
    const std::lock_guard lock(mutex_);
    return present_.longest(max_remembered);
}

std::size_t Flight::claims() const {
    const std::lock_guard lock(mutex_);
    return claims_.size();
}

bool Flight::checkpoint_due() const {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::filling || checkpointing_ || since_checkpoint_ == 0) return false;
    const auto step = std::clamp(size_ / checkpoints, min_checkpoint_bytes, max_checkpoint_bytes);
    return since_checkpoint_ >= step ||
           SteadyClock::now() - unremembered_since_ >= checkpoint_interval;
}

bool Flight::begin_checkpoint() {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::filling || checkpointing_ || since_checkpoint_ == 0) return false;
    checkpointing_ = true;
    since_checkpoint_ = 0;
    return true;
}

void Flight::end_checkpoint() {
    const std::lock_guard lock(mutex_);
    checkpointing_ = false;
}

}  // namespace hubkeep
