// Files, the part for clients that make up a file from many answers, each with some of its bytes in
// a form of its own (server/xet).

#include "server/proxy/files.hpp"

namespace hubkeep {

// Clients give up at once after it, and after a 5xx try for minutes.
constexpr int gone_status = 410;

// What is not kept cannot be checked before its last part is sent.
Refusal Files::cannot_be_verified(const Source& source) {
    return {{.status = gone_status,
             .code = "",
             .message = "There is no room in the cache for " + source.path +
                        ", and what is not kept cannot be checked over Xet; set "
                        "HF_HUB_DISABLE_XET=1, or ask the operator for a larger cache."},
            {}};
}

// A client keeps what it got before the bytes were found to be wrong, and would ask for the rest
// alone.
Outcome<void> Files::check_reader(const Found& found, const PartReader& reader) const {
    const auto& file = found.resolution.file;
    if (!flights_.found_wrong_since(file.blob, reader.since)) return {};
    return refuse({.status = gone_status,
                   .code = "",
                   .message = "Some bytes of " + found.route.path +
                              " that came from the Hub were wrong; start the download again."});
}

Task<void> Files::serve_parts(Exchange& exchange, Found found, PartReader reader, ResponseHead head,
                              FileBody body) {
    const auto checked = check_reader(found, reader);
    if (!checked) {
        co_await send_refusal(exchange, checked.error(), true);
        co_return;
    }
    const auto range = body.hull();
    head.headers.set("Content-Length", std::to_string(body.length()));
    const auto& [route, caller, resolution] = found;
    auto counter = part_readers_.asks(reader, resolution.file.blob, range);
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
                  .reader = std::move(reader),
                  .verdict = resolution.verdict,
                  .warning = resolution.warning,
                  .counter = std::move(counter)};
    co_await send_body(answer);
    // Of what came meanwhile for the same reader, too.
    exchange.record().upstream_bytes = answer.counter->exchange(0, std::memory_order_relaxed);
}

Task<Outcome<void>> Files::prefetch(IoThread& thread, Found found, PartReader reader,
                                    ByteRange range) {
    const auto checked = check_reader(found, reader);
    if (!checked || range.empty()) co_return checked;
    const auto& [route, caller, resolution] = found;
    const auto& file = resolution.file;
    const Source source{resolution.repo, route.path, file, caller.credential};
    auto counter = part_readers_.asks(reader, file.blob, range);
    const auto joined =
        co_await flights_.join(file.blob, file.size, index_.reader(thread.number()));
    const bool no_room = !joined && joined.error().kind == ErrorKind::no_space;
    if (no_room) co_return std::unexpected(cannot_be_verified(source));
    if (!joined) co_return refuse(upstream_failed(joined.error().message));
    if (joined->blob || joined->flight->missing_in(range) == 0) co_return Outcome<void>();
    const auto why_not = fetcher_.why_not(source);
    const bool is_coming = joined->flight->claims() > 0;
    if (!why_not.empty() && !is_coming) co_return refuse(not_cached_offline(route.path, why_not));
    fetcher_.fill(thread, joined->flight, source, range, std::move(counter));
    co_return Outcome<void>();
}

}  // namespace hubkeep
