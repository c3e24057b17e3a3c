// Files, the part for clients that make up a file from many answers, each with some of its bytes in
// a form of its own (server/xet).

#include "server/proxy/files.hpp"

namespace hubkeep {

Task<void> Files::serve_parts(Exchange& exchange, Found found, ResponseHead head, FileBody body,
                              std::int64_t since) {
    const auto range = body.hull();
    head.headers.set("Content-Length", std::to_string(body.length()));
    const auto& [route, caller, resolution] = found;
    Answer answer{.exchange = exchange,
                  .route = route,
                  .caller = caller,
                  // An answer about another commit would be no part of that file.
                  .doubted = true,
                  .head = std::move(head),
                  .source = {resolution.repo, route.path, resolution.file, caller.credential},
                  .body = std::move(body),
                  .range = range,
                  .whole = range == ByteRange{0, resolution.file.size},
                  .to_the_end = false,
                  .in_parts = true,
                  .parts_since = since,
                  .verdict = resolution.verdict,
                  .warning = resolution.warning,
                  .counter = std::make_shared<std::atomic<std::uint64_t>>(0)};
    co_await send_body(answer);
    exchange.record().upstream_bytes = answer.counter->load(std::memory_order_relaxed);
}

std::int64_t Files::parts_fit_from(const Found& found) const {
    return flights_.found_wrong_at(found.resolution.file.blob) + 1;
}

Task<Outcome<void>> Files::prefetch(IoThread& thread, Found found, ByteRange range) {
    const auto& [route, caller, resolution] = found;
    const auto& file = resolution.file;
    if (range.empty()) co_return Outcome<void>();
    const auto joined =
        co_await flights_.join(file.blob, file.size, index_.reader(thread.number()));
    // Without room, or with a broken disk, the reads that follow say so.
    if (!joined || joined->blob) co_return Outcome<void>();
    if (joined->flight->missing_in(range) == 0) co_return Outcome<void>();
    const auto why_not = fetcher_.why_not();
    if (!why_not.empty()) co_return refuse(not_cached_offline(route.path, why_not));
    joined->flight->expect(range);
    fetcher_.fill(thread, joined->flight, {resolution.repo, route.path, file, caller.credential},
                  range, std::make_shared<std::atomic<std::uint64_t>>(0));
    co_return Outcome<void>();
}

}  // namespace hubkeep
