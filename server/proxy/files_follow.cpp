// Files, the part for bytes that are not in the store yet: the answer follows a flight.

#include "server/proxy/files.hpp"
#include "server/proxy/read_ahead.hpp"

namespace hubkeep {
namespace {

constexpr std::uint64_t long_bytes = 64 * 1024 * 1024;
constexpr std::uint64_t portion_bytes = 16 * 1024 * 1024;
// A client gives up after 10 s without a head.
constexpr auto patience_for_first_bytes = seconds(5);
constexpr auto patience_for_bytes = seconds(120);
constexpr auto between_looks = seconds(2);

}  // namespace

ByteRange Files::goal_of(const Answer& answer, const Flight& flight) {
    if (answer.to_the_end) return answer.range;
    const auto behind = flight.run_before(answer.range.begin);
    return blocks_around(answer.range, flight.size(), behind, flight.stretches());
}

// What is fetched in portions, over several connections where that helps.
bool Files::is_long(const Answer& answer) {
    return answer.to_the_end || answer.goal.size() >= long_bytes;
}

// For a reader that waits at `position`. Of what is fetched in portions it takes no more than one.
ByteRange Files::next_goal(const Answer& answer, std::uint64_t position) {
    if (!is_long(answer)) return answer.goal;
    return {position, std::min(answer.goal.end, position + portion_bytes)};
}

void Files::fetch(Answer& answer, const std::shared_ptr<Flight>& flight, ByteRange goal,
                  Flight::Claim claim) {
    fetcher_.start(answer.exchange.thread(), flight, answer.source, goal, claim, answer.counter);
}

Task<void> Files::follow(Answer& answer, std::shared_ptr<Flight> flight, bool created) {
    auto& exchange = answer.exchange;
    answer.goal = goal_of(answer, *flight);
    if (is_long(answer)) {
        // The transfer of all that follows begins now and goes on without this client.
        fetcher_.fill(exchange.thread(), flight, answer.source, answer.goal, answer.counter);
    }
    if (flight->is_full() && flight->claims() == 0) {
        fetcher_.start_verifying(exchange.thread(), flight);
    }
    if (answer.verdict != Verdict::stale) {
        answer.verdict = created ? Verdict::miss : Verdict::joined;
    }
    exchange.record().cache = name_of(answer.verdict);
    const auto first = co_await first_bytes(answer, *flight);
    const bool no_room = !first && first.error().kind == ErrorKind::no_space;
    if (!first && !no_room) {
        co_await refuse_or_answer_anew(answer, first.error());
        co_return;
    }
    if (no_room) {
        answer.verdict = Verdict::bypass;
        exchange.record().cache = name_of(answer.verdict);
    }
    add_cache_fields(answer.head, answer.verdict, answer.warning);
    const auto head_sent = co_await exchange.send_head(std::move(answer.head));
    if (!head_sent) co_return;
    const auto copied = co_await copy(answer, std::move(flight));
    if (copied) co_return;
    if (!exchange.client_gone()) log_cut(answer, copied.error());
    exchange.abort();
}

// Waits until the first bytes are there, so that a failure can still be told in words.
Task<Result<void>> Files::first_bytes(Answer& answer, Flight& flight) {
    const auto until = SteadyClock::now() + patience_for_first_bytes;
    const auto position = answer.range.begin;
    const auto self = flight.shared_from_this();
    for (;;) {
        if (flight.readable_now(position, answer.whole) > position) co_return Result<void>();
        const auto goal = next_goal(answer, position);
        if (const auto claim = flight.claim_for_reader(position, goal)) {
            fetch(answer, self, goal, *claim);
        }
        const auto waited = co_await flight.readable(position, answer.whole, until);
        if (!waited && waited.error().kind == ErrorKind::timed_out) co_return Result<void>();
        if (!waited) co_return std::unexpected(waited.error());
    }
}

// As readable(), but a client that leaves meanwhile is noticed: nobody writes to it who would.
Task<Result<std::uint64_t>> Files::wait_for_bytes(Answer& answer, Flight& flight,
                                                  std::uint64_t position, TimePoint patience) {
    for (;;) {
        const auto look = std::min<TimePoint>(patience, SteadyClock::now() + between_looks);
        auto more = co_await flight.readable(position, answer.whole, look);
        const bool looks_again = !more && !flight.failure() && SteadyClock::now() < patience;
        if (!looks_again || answer.exchange.client_gone()) co_return more;
    }
}

Task<Result<void>> Files::copy(Answer& answer, std::shared_ptr<Flight> flight) {
    auto position = answer.range.begin;
    auto patience = SteadyClock::now() + patience_for_bytes;
    while (position < answer.range.end) {
        const auto until = flight->readable_now(position, answer.whole);
        if (until > position) {
            const ByteRange piece{position, std::min(until, answer.range.end)};
            const auto sent = co_await answer.exchange.send_file(flight->partial().file, piece);
            if (!sent) co_return sent;
            position = piece.end;
            patience = SteadyClock::now() + patience_for_bytes;
            continue;
        }
        const auto goal = next_goal(answer, position);
        if (const auto claim = flight->claim_for_reader(position, goal)) {
            fetch(answer, flight, goal, *claim);
        }
        const auto more = co_await wait_for_bytes(answer, *flight, position, patience);
        if (more) continue;
        if (more.error().kind != ErrorKind::no_space) co_return std::unexpected(more.error());
        auto rest = co_await go_on_directly(answer, *flight, position);
        co_return rest;
    }
    co_return Result<void>();
}

Task<Result<void>> Files::go_on_directly(Answer& answer, Flight& flight, std::uint64_t position) {
    auto sent = co_await direct_.send(answer.exchange, answer.source, answer.range, position,
                                      &flight.partial().file, answer.counter);
    co_return sent;
}

}  // namespace hubkeep
