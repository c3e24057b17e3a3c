// Files, the part for bytes that are not in the store yet: the answer follows a flight.

#include "server/proxy/files.hpp"
#include "server/proxy/read_ahead.hpp"

namespace hubkeep {
namespace {

constexpr std::uint64_t long_bytes = 64 * 1024 * 1024;
constexpr std::uint64_t portion_bytes = 16 * 1024 * 1024;
// A client gives up after 10 s without a head.
constexpr auto patience_for_first_bytes = seconds(5);
constexpr auto between_tries_for_room = milliseconds(500);
constexpr auto between_looks = seconds(2);
// A client that makes up the file from many answers asks for them ahead of time.
constexpr auto patience_in_parts = seconds(2);

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

// With what others fetch and what comes to `position` soon.
SteadyClock::duration Files::patience_of(const Answer& answer) {
    return answer.reader ? patience_in_parts : SteadyClock::duration{};
}

void Files::fetch(Answer& answer, const std::shared_ptr<Flight>& flight, ByteRange goal,
                  Flight::Claim claim) {
    fetcher_.start(answer.exchange.thread(), flight, answer.source, goal, claim, answer.counter);
}

bool Files::is_held(const Answer& answer, const Flight& flight) {
    const auto& file = answer.source.file;
    if (answer.whole || !answer.reader || answer.range.end != file.size) return answer.whole;
    const bool something_was_left = !flight.partial().present.empty();
    return part_readers_.has_asked_for_all(*answer.reader, file.blob, file.size,
                                           something_was_left);
}

Task<void> Files::follow(Answer& answer, std::shared_ptr<Flight> flight, bool created) {
    auto& exchange = answer.exchange;
    answer.goal = goal_of(answer, *flight);
    if (answer.reader) {
        // In words, instead of a head and a cut some seconds later.
        const auto why_not = fetcher_.why_not(answer.source);
        const bool may_come = flight->missing_in(answer.range) == 0 || flight->claims() > 0;
        if (!why_not.empty() && !may_come) {
            const auto error = not_cached_offline(answer.source.path, why_not);
            co_await send_refusal(exchange, {error, {}}, true);
            co_return;
        }
    }
    if (answer.reader && is_held(answer, *flight)) {
        // Nothing may be missing for whose verdict it waits.
        const ByteRange all{0, flight->size()};
        fetcher_.fill(exchange.thread(), flight, answer.source, all, answer.counter);
    }
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
    if (no_room && answer.reader && !answer.whole) {
        // Others leave room when they are done. What failed holds the room of what it had.
        flight.reset();
        const bool may_come = SteadyClock::now() < answer.waits_for_room_until;
        if (may_come && !exchange.client_gone()) {
            co_await sleep_for(between_tries_for_room);
            co_await send_body(answer);
            co_return;
        }
        co_await send_refusal(exchange, no_room_now(answer.source), true);
        co_return;
    }
    if (!first && !no_room) {
        co_await refuse_or_answer_anew(answer, first.error());
        co_return;
    }
    if (first) store_.touch(answer.source.file.blob);
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
        const bool held = is_held(answer, flight);
        if (flight.readable_now(position, held) > position) co_return Result<void>();
        const auto goal = next_goal(answer, position);
        if (const auto claim = flight.claim_for_reader(position, goal, patience_of(answer))) {
            fetch(answer, self, goal, *claim);
        }
        const auto waited = co_await flight.readable(position, held, until);
        if (!waited && waited.error().kind == ErrorKind::timed_out) co_return Result<void>();
        if (!waited) co_return std::unexpected(waited.error());
    }
}

// As readable(), but may return `position` for a look at what else could be done, and a client that
// leaves meanwhile is noticed: nobody writes to it who would.
Task<Result<std::uint64_t>> Files::wait_for_bytes(Answer& answer, Flight& flight,
                                                  std::uint64_t position, TimePoint patience) {
    const auto look = std::min<TimePoint>(patience, SteadyClock::now() + between_looks);
    auto more = co_await flight.readable(position, is_held(answer, flight), look);
    const bool looks_again = !more && !flight.failure() && SteadyClock::now() < patience;
    if (looks_again && !answer.exchange.client_gone()) co_return position;
    co_return more;
}

Task<Result<void>> Files::copy(Answer& answer, std::shared_ptr<Flight> flight) {
    for (const auto& stretch : answer.body->stretches()) {
        auto sent = co_await answer.body->begin(answer.exchange, stretch);
        if (sent) sent = co_await copy_stretch(answer, flight, stretch);
        if (!sent) co_return sent;
    }
    auto sent = co_await answer.body->finish(answer.exchange);
    co_return sent;
}

Task<Result<void>> Files::copy_stretch(Answer& answer, std::shared_ptr<Flight> flight,
                                       const FileBody::Stretch& stretch) {
    auto& exchange = answer.exchange;
    const auto& file = flight->partial().file;
    const auto range = answer.body->file_range(stretch);
    auto position = range.begin;
    auto patience = SteadyClock::now() + Fetcher::patience;
    auto missing = flight->missing();
    do {
        const auto until =
            range.empty() ? range.end : flight->readable_now(position, is_held(answer, *flight));
        if (until > position || range.empty()) {
            const ByteRange piece{position, std::min(until, range.end)};
            const auto sent = co_await answer.body->send_file(exchange, stretch, file, piece);
            if (!sent) co_return sent;
            position = piece.end;
            patience = SteadyClock::now() + Fetcher::patience;
            continue;
        }
        const auto goal = next_goal(answer, position);
        if (const auto claim = flight->claim_for_reader(position, goal, patience_of(answer))) {
            fetch(answer, flight, goal, *claim);
        }
        const auto more = co_await wait_for_bytes(answer, *flight, position, patience);
        // Bytes that come elsewhere, and a verdict that is being made, are worth the time.
        const auto before = std::exchange(missing, flight->missing());
        if (missing != before || flight->phase() == Flight::Phase::verifying) {
            patience = SteadyClock::now() + Fetcher::patience;
        }
        if (more) continue;
        const bool no_room = more.error().kind == ErrorKind::no_space;
        const bool cannot_go_on = answer.reader && !answer.whole;
        if (!no_room || cannot_go_on) co_return std::unexpected(more.error());
        auto rest = co_await direct_.send(exchange, answer.source, *answer.body, stretch, position,
                                          &file, answer.counter);
        co_return rest;
    } while (position < range.end);
    co_return Result<void>();
}

// Without room to keep anything.
Task<Result<void>> Files::send_directly(Answer& answer) {
    auto& exchange = answer.exchange;
    for (const auto& stretch : answer.body->stretches()) {
        auto sent = co_await answer.body->begin(exchange, stretch);
        const auto begin = answer.body->file_range(stretch).begin;
        if (sent) {
            sent = co_await direct_.send(exchange, answer.source, *answer.body, stretch, begin,
                                         nullptr, answer.counter);
        }
        if (!sent) co_return sent;
    }
    auto sent = co_await answer.body->finish(exchange);
    co_return sent;
}

}  // namespace hubkeep
