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

std::uint64_t Flight::readable_locked(std::uint64_t position, bool held) const {
    if (phase_ == Phase::verified) return size_;
    std::uint64_t until = present_.present_until(position);
    // A range that is served before everything is there cannot be held to the digest; once
    // everything is there, every reader of the end waits for the verdict.
    if (held || phase_ == Phase::verifying || present_.total() == size_) {
        until = std::min(until, size_ - std::min(size_, hold_back_bytes));
    }
    return std::max(until, position);
}

std::uint64_t Flight::readable_now(std::uint64_t position, bool held) const {
    const std::lock_guard lock(mutex_);
    return readable_locked(position, held);
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

Task<Result<std::uint64_t>> Flight::readable(std::uint64_t position, bool held,
                                             TimePoint deadline) {
    const Executor executor = co_await asio::this_coro::executor;
    std::shared_ptr<Ticket> ticket;
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == Phase::failed) co_return std::unexpected(*failure_);
        const auto until = readable_locked(position, held);
        if (until > position) co_return until;
        ticket = std::make_shared<Ticket>(executor);
        readers_.push_back({position, ticket});
    }
    const bool woken = co_await wait(ticket, deadline);
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::failed) co_return std::unexpected(*failure_);
    if (!woken) {
        std::erase_if(readers_, [&](const Reader& reader) { return reader.ticket == ticket; });
        co_return hubkeep::fail(ErrorKind::timed_out,
                                "no bytes came from the Hub for too long; try again");
    }
    co_return readable_locked(position, held);
}

std::uint64_t Flight::missing_in(ByteRange goal) const {
    const std::lock_guard lock(mutex_);
    return present_.missing_in(goal);
}

std::uint64_t Flight::missing() const {
    const std::lock_guard lock(mutex_);
    return size_ - present_.total();
}

bool Flight::has_received() const {
    const std::lock_guard lock(mutex_);
    return received_ > 0;
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
    if (phase_ != Phase::filling || failing_ || present_.total() != size_) return false;
    phase_ = Phase::verifying;
    return true;
}

bool Flight::begin_failing() {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::filling || failing_) return false;
    failing_ = true;
    return true;
}

bool Flight::is_failing() const {
    const std::lock_guard lock(mutex_);
    return failing_;
}

bool Flight::begin_writing() {
    const std::lock_guard lock(mutex_);
    if (failing_ || phase_ == Phase::failed) return false;
    ++writing_;
    return true;
}

void Flight::end_writing() {
    Tickets tickets;
    {
        const std::lock_guard lock(mutex_);
        CHECK(writing_ > 0);
        if (--writing_ == 0) tickets = written_.take();
    }
    wake(std::move(tickets));
}

Task<void> Flight::until_written() {
    const Executor executor = co_await asio::this_coro::executor;
    std::shared_ptr<Ticket> ticket;
    {
        const std::lock_guard lock(mutex_);
        if (writing_ == 0) co_return;
        ticket = written_.enroll(executor);
    }
    co_await wait(ticket, TimePoint::max());
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

void Flight::end_checkpoint(bool remembered) {
    Tickets tickets;
    {
        const std::lock_guard lock(mutex_);
        checkpointing_ = false;
        tickets = checkpointed_.take();
        if (!remembered) {
            // Due again after a while.
            since_checkpoint_ = std::max<std::uint64_t>(since_checkpoint_, 1);
            unremembered_since_ = SteadyClock::now();
        }
    }
    wake(std::move(tickets));
}

Task<void> Flight::until_checkpointed() {
    const Executor executor = co_await asio::this_coro::executor;
    std::shared_ptr<Ticket> ticket;
    {
        const std::lock_guard lock(mutex_);
        if (!checkpointing_) co_return;
        ticket = checkpointed_.enroll(executor);
    }
    co_await wait(ticket, TimePoint::max());
}

}  // namespace hubkeep
