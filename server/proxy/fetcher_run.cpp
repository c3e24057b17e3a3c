// Fetcher, the part that works off a goal: claim by claim on one connection, or in portions on as
// many as make it faster.

#include <random>

#include "server/hub/route.hpp"
#include "server/proxy/fetch_job.hpp"

namespace hubkeep {
namespace {

// Before the first byte: whoever waits for it is told soon that there is none.
constexpr int max_attempts = 6;
constexpr auto first_pause = milliseconds(250);
constexpr auto longest_pause = milliseconds(4000);
constexpr auto one_nap = milliseconds(500);
constexpr std::uint64_t MiB = 1024 * 1024;
constexpr std::uint64_t smallest_portion = 4 * MiB;
// At the end, so that all connections are done together.
constexpr std::uint64_t smallest_last_portion = MiB;
constexpr std::uint64_t largest_portion = 64 * MiB;
// A few bytes tell more about latency than about speed.
constexpr std::uint64_t least_measured = 256 * 1024;
// A connection that is alone asks less often, and leaves something for others all the same.
constexpr std::uint64_t share_alone = 2;
constexpr std::uint64_t least_portions = 8;
// What is under way behind a cut is lost: some megabytes, which a smaller file is not worth.
constexpr std::uint64_t worth_a_cut = 256 * MiB;
// About one file.
constexpr auto between_words = std::chrono::minutes(10);

bool may_help_to_try_again(ErrorKind kind) {
    return kind == ErrorKind::unreachable || kind == ErrorKind::timed_out ||
           kind == ErrorKind::closed || kind == ErrorKind::protocol;
}

// Those who failed together shall not come back together.
SteadyClock::duration spread(SteadyClock::duration time) {
    std::random_device random;
    return std::chrono::duration_cast<SteadyClock::duration>(
        time * std::uniform_real_distribution(1.0, 1.25)(random));
}

// The server wants fewer connections, not another attempt.
bool is_overload(const Error& error) {
    return error.code == 429 || error.code == 503;
}

double seconds_of(SteadyClock::duration time) {
    return std::chrono::duration<double>(time).count();
}

}  // namespace

bool Fetcher::is_outage(const Error& error) {
    switch (error.kind) {
        case ErrorKind::unreachable:
        case ErrorKind::timed_out:
        case ErrorKind::closed: return true;
        case ErrorKind::limited:
        case ErrorKind::protocol: return error.code == 429 || error.code >= 500;
        default: return false;
    }
}

Flight::Portion Fetcher::Job::portion() const {
    if (!in_portions) return {.most = most_in_one_answer};
    // Only a connection that lags is cut.
    const auto half = flight->size() < worth_a_cut ? Flight::Portion::unlimited
                                                   : std::max(speed / 2, smallest_portion);
    if (speed == 0) return {first_portion, half};
    const auto second = std::clamp(speed, smallest_portion, largest_portion);
    if (workers <= 1) {
        const auto share = std::max(flight->size() / least_portions, first_portion);
        return {std::min(share_alone * second, share), half};
    }
    const auto last = std::clamp(speed / 8, smallest_last_portion, smallest_portion);
    return {std::clamp(flight->missing() / (2 * workers), last, second), half};
}

void Fetcher::Job::note_speed(std::uint64_t bytes, SteadyClock::duration time) {
    if (bytes < least_measured || time <= SteadyClock::duration::zero()) return;
    speed = static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds_of(time));
}

void Fetcher::Job::use_one_connection() {
    connections.only_one();
    in_portions = false;
}

// Each part that a client asks for finds it out anew, hundreds in a minute.
void Fetcher::tell_of_no_room(const Source& source, const Error& error) {
    const auto digest = source.file.blob.hex();
    const auto now = SteadyClock::now();
    {
        const std::lock_guard lock(without_room_mutex_);
        const auto* const told = without_room_.find(digest);
        if (told != nullptr && now - *told < between_words) return;
        without_room_.put(digest, now, 1);
    }
    log_.warn("no room for a file: it passes without being kept, and is put off over Xet",
              {{"repo", source.repo.name}, {"path", source.path}, {"cause", error.message}});
}

Task<void> Fetcher::run(std::shared_ptr<Job> job, Flight::Claim first) {
    auto& flight = *job->flight;
    // Whoever fills a part has made room for it, whichever connection then brings its bytes.
    const auto room = job->fills ? flight.missing_in(job->goal) : flight.unfilled_in(job->goal);
    auto reservation = co_await store_.reserve(room, &flight.partial());
    if (!reservation) {
        if (!flight.is_failing()) tell_of_no_room(job->source, reservation.error());
        co_await flights_.fail(job->flight, reservation.error());
        // Not before, or a reader would claim what it takes for bytes that have their room.
        flight.release(first.id);
        if (job->fills) flight.end_filling(job->goal);
        co_return;
    }
    job->reservation = std::move(*reservation);
    auto slot = co_await slots_.take();
    co_await work(job, first, std::move(slot));
}

// One connection, until there is nothing left for it.
Task<void> Fetcher::work(std::shared_ptr<Job> job, Flight::Claim first, TransferSlots::Slot slot) {
    auto& flight = *job->flight;
    for (std::optional<Flight::Claim> claim = first; claim;) {
        const auto fetched = co_await fetch_claim(*job, claim->id);
        if (!fetched) {
            flight.release(claim->id);
            co_await give_up(*job, fetched.error());
            break;
        }
        const bool too_many = job->workers > job->connections.wanted();
        const bool is_spare = too_many || (slot.is_further() && slots_.are_wanted());
        if (is_spare && job->workers > 1) {
            flight.release(claim->id);
            break;
        }
        claim = flight.next_claim(claim->id, job->goal, job->portion());
    }
    slot.give_back();
    if (--job->workers > 0) co_return;
    if (job->fills) flight.end_filling(job->goal);
    co_await flights_.verify_and_publish(job->flight);
    const auto failure = flight.failure();
    if (!failure || failure->kind != ErrorKind::corrupt) co_return;
    const auto& source = job->source;
    leads_.forget(resolve_target(source.repo, source.file.commit, source.path), source.credential);
    if (job->mirror) upstream_.distrust(*job->mirror);
}

// The others bring what this connection could not, as long as there are others.
Task<void> Fetcher::give_up(Job& job, Error error) {
    if (job.flight->is_failing()) co_return;
    const auto& source = job.source;
    const bool is_last = job.workers == 1;
    log_.warn(is_last ? "a transfer from the Hub failed" : "one of several connections failed",
              {{"path", source.path}, {"repo", source.repo.name}, {"cause", error.message}});
    if (is_last) co_await flights_.fail(job.flight, std::move(error));
    else job.connections.back_off(job.workers);
}

// From the first answer on: measures what the connections bring together, and adds some when that
// helps. Between its looks it holds nothing, so that the transfer may end without it.
Task<void> Fetcher::watch(std::weak_ptr<Job> watched) {
    std::uint64_t received = 0;
    SteadyClock::duration held_up{};
    auto since = SteadyClock::now();
    for (;;) {
        co_await sleep_for(ConnectionCount::window);
        const auto job = watched.lock();
        if (!job || job->workers == 0 || !job->in_portions) co_return;
        const auto now = SteadyClock::now();
        const auto time = now - std::exchange(since, now);
        const auto bytes = job->received - std::exchange(received, job->received);
        const auto held = job->held_up - std::exchange(held_up, job->held_up);
        if (job->speed == 0) job->note_speed(bytes / job->workers, time);
        const auto all = seconds_of(time) * static_cast<double>(job->workers);
        job->connections.note({seconds_of(time), bytes, job->workers, seconds_of(held) / all});
        while (job->workers < job->connections.wanted()) {
            if (add_connection(job)) continue;
            job->connections.cannot_have_more_than(job->workers);
            break;
        }
    }
}

bool Fetcher::add_connection(const std::shared_ptr<Job>& job) {
    if (job->host.empty()) return false;
    auto slot = slots_.try_take_further(job->host);
    if (!slot) return false;
    ++job->workers;  // what it claims is a share among them all
    const auto claim = job->flight->next_claim(0, job->goal, job->portion());
    if (!claim) {
        --job->workers;
        return false;
    }
    job->thread.tasks().spawn("fetch", work(job, *claim, std::move(slot)));
    return true;
}

// Not beyond the end of the flight or of the process.
Task<void> Fetcher::pause_for(Flight& flight, SteadyClock::duration time) {
    const auto until = SteadyClock::now() + time;
    while (SteadyClock::now() < until && !flight.failure() && !upstream_.is_stopping()) {
        co_await sleep_for(std::min<SteadyClock::duration>(until - SteadyClock::now(), one_nap));
    }
}

Task<Result<void>> Fetcher::fetch_claim(Job& job, std::uint64_t claim) {
    auto& flight = *job.flight;
    SteadyClock::duration pause = first_pause;
    int attempts = 0;
    auto received = job.received;
    auto patience_ends = SteadyClock::now() + patience;
    for (;;) {
        const auto before = flight.claimed(claim);
        if (before.empty()) co_return Result<void>();
        auto moved = co_await transfer(job, claim);
        if (const auto failure = flight.failure()) co_return std::unexpected(*failure);
        if (moved) continue;
        const auto& error = moved.error();
        if (is_overload(error) && job.workers > 1) co_return moved;
        if (flight.claimed(claim).begin != before.begin) {
            attempts = 0;
            pause = first_pause;
            patience_ends = SteadyClock::now() + patience;
        }
        // What comes over other connections could come over this one, were it any good.
        const bool others_go_on =
            job.received != std::exchange(received, job.received) && job.workers > 1;
        const bool is_patient = is_outage(error) && flight.has_received() && !others_go_on;
        const auto now = SteadyClock::now();
        const bool is_in_vain = ++attempts >= max_attempts || !may_help_to_try_again(error.kind);
        const bool is_over = is_patient ? now >= patience_ends : is_in_vain;
        if (is_over) co_return moved;
        const auto wanted = std::max(pause, job.not_before - now);
        co_await pause_for(flight, std::min(spread(wanted), patience_ends - now));
        pause = std::min<SteadyClock::duration>(pause * 2, longest_pause);
    }
}

}  // namespace hubkeep
