#include "server/proxy/direct.hpp"

#include <cstring>

#include "common/offload.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t buffer_bytes = 512 * 1024;

}  // namespace

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
    const ByteRange rest{position, range.end};
    auto opened = co_await fetcher_.open(exchange.thread(), source, rest);
    if (!opened) co_return std::unexpected(opened.error());
    const std::size_t held_bytes = whole ? Flight::hold_back_bytes : 0;
    std::vector<char> buffer(buffer_bytes);
    std::size_t filled = 0;
    std::uint64_t skip = opened->skip;
    std::uint64_t left = rest.size();
    while (left > 0) {
        const auto space = std::span(buffer).subspan(filled);
        const auto want = std::min<std::uint64_t>(space.size(), skip > 0 ? skip : left);
        const auto got = co_await opened->response.read_some(space.first(want));
        if (!got) co_return std::unexpected(got.error());
        if (*got == 0) co_return fail(ErrorKind::closed, "the Hub's answer was cut short");
        counter->fetch_add(*got, std::memory_order_relaxed);
        if (skip > 0) {
            skip -= *got;
            continue;
        }
        if (hasher) hasher->update(space.data(), *got);
        filled += *got;
        left -= *got;
        if (filled <= held_bytes) continue;
        const auto ready = filled - held_bytes;
        const auto piece = std::span<const char>(buffer).first(ready);
        auto sent = co_await body.send(exchange, stretch, position, piece);
        if (!sent) co_return sent;
        position += ready;
        std::memmove(buffer.data(), buffer.data() + ready, held_bytes);
        filled = held_bytes;
    }
    if (hasher && hasher->finish() != source.file.blob) {
        co_return fail(ErrorKind::corrupt,
                       "the bytes that came do not have the digest that the Hub named");
    }
    const auto last = std::span<const char>(buffer).first(filled);
    auto sent = co_await body.send(exchange, stretch, position, last);
    co_return sent;
}

}  // namespace hubkeep
