// Fetcher, the part that moves bytes: from one answer through a ring into the file.

#include "common/offload.hpp"
#include "server/proxy/fetch_job.hpp"

namespace hubkeep {
namespace {

// A transfer takes its turn among all that the thread does, and a ring is what it moves in a turn;
// of several connections each moves less.
constexpr std::size_t ring_bytes = 2 * 1024 * 1024;
constexpr std::size_t shared_ring_bytes = 1024 * 1024;
// What goes to the pool at once: enough to be worth the way, and not all of the ring, so that the
// network fills the rest meanwhile.
constexpr std::size_t least_piece = 256 * 1024;
constexpr std::size_t largest_piece = 1024 * 1024;
// The first bytes, for which a client may wait, go alone; later ones wait for others to come along.
constexpr std::size_t first_piece = 64 * 1024;
constexpr auto patience_for_company = milliseconds(5);
// Room on the disk is made in steps of this size, right before it is written to. File systems write
// much faster into it than where they have to find room for each page.
constexpr std::uint64_t allocation_bytes = 64 * 1024 * 1024;
// When the Hub itself must be asked for each portion, these are enough for one file.
constexpr int max_questions = 4;

}  // namespace

// What the answer tells about how to go on. An error when this connection should not.
Result<void> Fetcher::take_hint(Job& job, const Opened& opened, std::uint64_t claim) {
    if (opened.origin != upstream_.hub()) job.mirror = opened.origin;
    if (!job.in_portions) return {};
    job.host = opened.host;
    job.questions = opened.asked_hub ? job.questions + 1 : 0;
    if (!opened.whole && opened.left_hub && job.questions < max_questions) {
        const bool is_long = job.goal.size() > Job::first_portion;
        if (is_long && !std::exchange(job.watched, true)) {
            job.thread.tasks().spawn("watch", watch(job.weak_from_this()));
        }
        return {};
    }
    job.use_one_connection();
    if (opened.skip > 0 && job.workers > 1) {
        return fail(ErrorKind::limited, "the server sends whole files only");
    }
    if (opened.whole) job.flight->extend(claim, job.goal);
    return {};
}

Task<Result<void>> Fetcher::transfer(Job& job, std::uint64_t claim) {
    const auto began = SteadyClock::now();
    auto opened = co_await open(job.thread, job.source, job.flight->claimed(claim));
    if (!opened) {
        job.not_before = std::max(job.not_before, SteadyClock::now() + opened.error().pause);
        co_return std::unexpected(opened.error());
    }
    const auto hint = take_hint(job, *opened, claim);
    if (!hint) co_return hint;
    const auto range = job.flight->claimed(claim);
    if (range.empty()) co_return Result<void>();
    const auto most = job.workers > 1 ? shared_ring_bytes : ring_bytes;
    const auto capacity = std::min<std::uint64_t>(most, range.size() + opened->skip);
    auto transfer = std::make_shared<Transfer>(capacity, job.thread.executor(), claim, range);
    job.thread.tasks().spawn("write down", write_down(job, transfer));
    auto outcome = co_await receive(job, *transfer, *opened);
    transfer->ring.end();
    while (!transfer->done) co_await transfer->ring.consumption();
    if (transfer->error) co_return std::unexpected(*transfer->error);
    job.note_speed(transfer->written - range.begin, SteadyClock::now() - began);
    co_return outcome;
}

Task<Result<void>> Fetcher::receive(Job& job, Transfer& transfer, Opened& opened) {
    auto& ring = transfer.ring;
    std::uint64_t skip = opened.skip;
    const auto end = transfer.end;
    while (transfer.left() > 0 && !transfer.error) {
        auto space = ring.free_space();
        if (space.empty()) {
            const auto full_since = SteadyClock::now();
            co_await ring.consumption();
            job.held_up += SteadyClock::now() - full_since;
            continue;
        }
        const auto want = std::min<std::uint64_t>(space.size(), skip > 0 ? skip : transfer.left());
        const auto got = co_await opened.response.read_some(space.first(want));
        if (!got) co_return std::unexpected(got.error());
        if (*got == 0) co_return fail(ErrorKind::closed, "the Hub's answer was cut short");
        job.counter->fetch_add(*got, std::memory_order_relaxed);
        job.received += *got;
        if (skip > 0) {
            skip -= *got;
            continue;
        }
        transfer.received += *got;
        ring.produced(*got);
    }
    if (transfer.received == end && !opened.response.ends_with_connection()) {
        // Reading the end of the answer lets the connection be used again.
        char extra;
        co_await opened.response.read_some(std::span(&extra, 1));
    }
    co_return Result<void>();
}

Task<void> Fetcher::write_down(Job& job, std::shared_ptr<Transfer> transfer) {
    auto& flight = *job.flight;
    auto& ring = transfer->ring;
    const auto half = std::clamp(ring.capacity() / 2, least_piece, largest_piece);
    bool is_first = true;
    co_await ring.arrival(1, TimePoint::max());
    while (!ring.ended()) {
        const auto content = ring.content();
        const auto room = transfer->end - std::min(transfer->end, transfer->written);
        const auto most = is_first ? first_piece : half;
        const auto count = std::min({content.size(), static_cast<std::size_t>(room), most});
        if (count == 0 || transfer->error || flight.failure()) {
            // Nobody wants what follows; receive() stops when it sees that.
            transfer->end = std::min(transfer->end, transfer->written);
            ring.consumed(content.size());
        } else {
            co_await write_piece(job, *transfer, content.first(count));
            ring.consumed(count);
        }
        is_first = false;
        co_await ring.arrival(1, TimePoint::max());
        co_await ring.arrival(least_piece, SteadyClock::now() + patience_for_company);
    }
    transfer->done = true;
    ring.consumed(0);
}

Task<void> Fetcher::write_piece(Job& job, Transfer& transfer, std::span<const char> piece) {
    auto& flight = *job.flight;
    const auto position = transfer.written;
    ByteRange room{transfer.allocated, transfer.allocated};
    if (position + piece.size() > room.end) {
        room.end = std::min(transfer.end, position + allocation_bytes);
        transfer.allocated = room.end;
    }
    if (!flight.begin_writing()) {
        transfer.error = Error{ErrorKind::cancelled, "the transfer has failed"};
        co_return;
    }
    const auto written = co_await offload(store_.pool(), [&]() -> Result<void> {
        const auto& file = flight.partial().file;
        const auto allocated = file.allocate(room.begin, room.end - room.begin);
        if (!allocated) return allocated;
        auto done = file.write_at(position, piece);
        if (done) flight.hash(position, piece);
        return done;
    });
    flight.end_writing();
    if (!written) {
        transfer.error = written.error();
        co_return;
    }
    transfer.written += piece.size();
    job.reservation->use(piece.size());
    transfer.end = flight.advance(transfer.claim, piece.size());
    auto& tasks = job.thread.tasks();
    if (flight.checkpoint_due()) tasks.spawn("remember", flights_.remember(job.flight));
    // Who fetches a file by ranges completes it in the end.
    const bool to_the_end = job.fills && job.goal.end == flight.size();
    const bool will_be_full = to_the_end || flight.missing() <= flight.size() / 2;
    if (will_be_full && flight.begin_catching_up()) {
        tasks.spawn("catch up", flights_.catch_up(job.flight));
    }
}

}  // namespace hubkeep
