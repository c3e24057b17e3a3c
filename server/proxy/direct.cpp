#include "server/proxy/direct.hpp"

#include <cstring>

#include "common/offload.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t buffer_bytes = 512 * 1024;
constexpr int max_attempts = 6;  // without a byte
constexpr SteadyClock::duration first_pause = milliseconds(500);
// A client that leaves, and a stop, are noticed after it.
constexpr SteadyClock::duration longest_pause = seconds(8);

}  // namespace

// One stretch on its way. What is in the buffer came and was not sent yet.
struct Direct::Passing {
    Exchange& exchange;
    const Source& source;
    const FileBody& body;
    const FileBody::Stretch& stretch;
    const ByteCounter counter;
    std::optional<Hasher> hasher;  // of a whole file
    std::uint64_t position;        // that is to be sent next
    const std::uint64_t end;
    std::vector<char> buffer = std::vector<char>(buffer_bytes);
    std::size_t filled = 0;
    SteadyClock::duration pause{};  // that the server asked for
    bool client_lost = false;

    std::uint64_t next() const { return position + filled; }
    // All that is there but the last `held` bytes.
    Task<Result<void>> send(std::size_t held);
};

Task<Result<void>> Direct::Passing::send(std::size_t held) {
    const auto ready = filled - held;
    const auto piece = std::span<const char>(buffer).first(ready);
    auto sent = co_await body.send(exchange, stretch, position, piece);
    client_lost = !sent;
    position += ready;
    std::memmove(buffer.data(), buffer.data() + ready, held);
    filled = held;
    co_return sent;
}

Task<Result<Hasher>> Direct::hash_prefix(const Source& source, std::uint64_t length,
                                         const File* prefix) {
    Hasher hasher(source.file.blob.kind, source.file.size);
    std::vector<char> block(buffer_bytes);
    for (std::uint64_t at = 0; at < length;) {
        const auto want = std::min<std::uint64_t>(block.size(), length - at);
        auto got = co_await offload(store_.pool(), [&, at, want] {
            auto read = prefix->read_at(at, std::span(block).first(want));
            if (read) hasher.update(block.data(), *read);
            return read;
        });
        if (!got || *got != want) {
            co_return fail(ErrorKind::corrupt, "what was already sent cannot be read again");
        }
        at += want;
    }
    co_return hasher;
}

Task<Result<void>> Direct::send(Exchange& exchange, const Source& source, const FileBody& body,
                                const FileBody::Stretch& stretch, std::uint64_t position,
                                const File* prefix, ByteCounter counter) {
    const auto range = body.file_range(stretch);
    const bool whole = range.begin == 0 && range.end == source.file.size;
    std::optional<Hasher> hasher;
    if (whole) {
        auto begun = co_await hash_prefix(source, position, prefix);
        if (!begun) co_return std::unexpected(begun.error());
        hasher = std::move(*begun);
    }
    Passing passing{.exchange = exchange,
                    .source = source,
                    .body = body,
                    .stretch = stretch,
                    .counter = std::move(counter),
                    .hasher = std::move(hasher),
                    .position = position,
                    .end = range.end};
    const auto passed = co_await pass_rest(passing);
    if (!passed) co_return passed;
    if (passing.hasher && passing.hasher->finish() != source.file.blob) {
        co_return fail(ErrorKind::corrupt,
                       "the bytes that came do not have the digest that the Hub named");
    }
    auto sent = co_await passing.send(0);
    co_return sent;
}

// In as many answers as it takes.
Task<Result<void>> Direct::pass_rest(Passing& passing) {
    const auto first = passing.body.file_range(passing.stretch).begin;
    auto pause = first_pause;
    int attempts = 0;
    while (passing.next() < passing.end) {
        const auto begin = passing.next();
        const ByteRange piece{begin, std::min(passing.end, begin + Fetcher::most_in_one_answer)};
        auto passed = co_await pass_piece(passing, piece);
        if (passing.next() > begin) {
            attempts = 0;
            pause = first_pause;
        }
        if (passed) continue;
        const bool has_begun = passing.next() > first;
        const bool may_help =
            has_begun && Fetcher::is_outage(passed.error()) && !passing.client_lost;
        if (!may_help || ++attempts >= max_attempts) co_return passed;
        const auto asked_for = std::exchange(passing.pause, {});
        co_await sleep_for(std::clamp(asked_for, pause, longest_pause));
        pause = std::min(pause * 2, longest_pause);
    }
    co_return Result<void>();
}

Task<Result<void>> Direct::pass_piece(Passing& passing, ByteRange piece) {
    auto opened = co_await fetcher_.open(passing.exchange.thread(), passing.source, piece);
    if (!opened) {
        passing.pause = opened.error().pause;
        co_return std::unexpected(opened.error());
    }
    const std::size_t held_bytes = passing.hasher ? Flight::hold_back_bytes : 0;
    std::uint64_t skip = opened->skip;
    while (passing.next() < piece.end) {
        const auto space = std::span(passing.buffer).subspan(passing.filled);
        const auto left = skip > 0 ? skip : piece.end - passing.next();
        const auto want = std::min<std::uint64_t>(space.size(), left);
        const auto got = co_await opened->response.read_some(space.first(want));
        if (!got) co_return std::unexpected(got.error());
        if (*got == 0) co_return fail(ErrorKind::closed, "the Hub's answer was cut short");
        passing.counter->fetch_add(*got, std::memory_order_relaxed);
        if (skip > 0) {
            skip -= *got;
            continue;
        }
        if (passing.hasher) passing.hasher->update(space.data(), *got);
        passing.filled += *got;
        if (passing.filled <= held_bytes) continue;
        const auto sent = co_await passing.send(held_bytes);
        if (!sent) co_return sent;
    }
    co_return Result<void>();
}

}  // namespace hubkeep
