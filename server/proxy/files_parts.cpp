// Files, the part for clients that make up a file from many answers, each with some of its bytes in
// a form of its own (server/xet).

#include "server/proxy/files.hpp"

namespace hubkeep {
namespace {

// Clients give up at once after it, and after a 5xx try for minutes.
constexpr int gone_status = 410;
// Some clients let minutes go by after the second refusal.
constexpr auto patience_for_room = seconds(5);

// A client keeps what it got before the bytes were found to be wrong, and would ask for the rest
// alone.
Refusal wrong_meanwhile(const std::string& path) {
    return {{.status = gone_status,
             .code = "",
             .message = "Some bytes of " + path +
                        " that came from the Hub were wrong; start the download again."},
            {}};
}

std::uint8_t edition_of(const WrongBytes::Finding& wrong) {
    return static_cast<std::uint8_t>(wrong.times);
}

}  // namespace

// After a 403 clients ask for new addresses, some of them without end.
Refusal Files::as_gone(Refusal refusal) {
    auto& status = refusal.error.status;
    if (status == 401 || status == 403) status = gone_status;
    return refusal;
}

bool Files::can_keep(std::uint64_t size) const {
    return size <= store_.usage().limit_bytes;
}

// What is not kept cannot be checked before its last part is sent. Others leave room as soon as
// they are done, so clients are told to come again.
Refusal Files::no_room_now(const Source& source) {
    return {{.status = 503,
             .code = "",
             .message = "There is no room in the cache for " + source.path +
                        " now, and what is not kept cannot be checked over Xet: try again when "
                        "other downloads are done, set HF_HUB_DISABLE_XET=1, or ask the operator "
                        "for more room (cache.max_size).",
             .retry_after_seconds = 1},
            {}};
}

Task<void> Files::serve_parts(Exchange& exchange, Found found, PartReader reader, ResponseHead head,
                              FileBody body) {
    if (reader.edition != edition_of(flights_.found_wrong(found.resolution.file.blob))) {
        co_await send_refusal(exchange, wrong_meanwhile(found.route.path), true);
        co_return;
    }
    const auto range = body.hull();
    const auto& [route, caller, resolution] = found;
    // Only what comes in one piece is checked without being kept.
    const bool whole = body.stretches().size() == 1 && range.size() == resolution.file.size;
    head.headers.set("Content-Length", std::to_string(body.length()));
    auto counter = part_readers_.asks(reader, resolution.file.blob, range);
    Answer answer{.exchange = exchange,
                  .route = route,
                  .caller = caller,
                  .head = std::move(head),
                  .source = {resolution.repo, route.path, resolution.file, caller.credential},
                  .body = std::move(body),
                  .range = range,
                  .whole = whole,
                  .to_the_end = false,
                  .reader = std::move(reader),
                  .waits_for_room_until = SteadyClock::now() + patience_for_room,
                  .verdict = resolution.verdict,
                  .warning = resolution.warning,
                  .counter = std::move(counter)};
    co_await send_body(answer);
    // Of what came meanwhile for the same reader, too.
    exchange.record().upstream_bytes = answer.counter->exchange(0, std::memory_order_relaxed);
}

Task<Outcome<std::uint8_t>> Files::plan_parts(IoThread& thread, Found found, PartReader reader,
                                              ByteRange range) {
    const auto& [route, caller, resolution] = found;
    const auto& file = resolution.file;
    const auto wrong = flights_.found_wrong(file.blob);
    if (!part_readers_.may_plan(reader, file.blob, range.begin, wrong)) {
        co_return std::unexpected(wrong_meanwhile(route.path));
    }
    const auto begun = co_await prefetch(thread, found, std::move(reader), range);
    if (!begun) co_return std::unexpected(begun.error());
    co_return edition_of(wrong);
}

Task<Outcome<void>> Files::prefetch(IoThread& thread, const Found& found, PartReader reader,
                                    ByteRange range) {
    if (range.empty()) co_return Outcome<void>();
    const auto& [route, caller, resolution] = found;
    const auto& file = resolution.file;
    const Source source{resolution.repo, route.path, file, caller.credential};
    auto counter = part_readers_.asks(reader, file.blob, range);
    const auto joined =
        co_await flights_.join(file.blob, file.size, index_.reader(thread.number()));
    const bool no_room = !joined && joined.error().kind == ErrorKind::no_space;
    if (no_room) co_return std::unexpected(no_room_now(source));
    if (!joined) co_return refuse(upstream_failed(joined.error().message));
    if (joined->blob || joined->flight->missing_in(range) == 0) co_return Outcome<void>();
    const auto why_not = fetcher_.why_not(source);
    const bool is_coming = joined->flight->claims() > 0;
    if (!why_not.empty() && !is_coming) co_return refuse(not_cached_offline(route.path, why_not));
    fetcher_.fill(thread, joined->flight, source, range, std::move(counter));
    co_return Outcome<void>();
}

}  // namespace hubkeep
