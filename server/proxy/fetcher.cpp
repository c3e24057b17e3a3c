#include "server/proxy/fetcher.hpp"

#include <fmt/format.h>

#include "common/offload.hpp"
#include "server/hub/errors.hpp"
#include "server/hub/route.hpp"
#include "server/proxy/revisions.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t ring_bytes = 1024 * 1024;
constexpr int max_attempts = 6;
constexpr auto first_pause = milliseconds(250);
constexpr auto longest_pause = milliseconds(4000);
// Clients give up after 10 s without a byte.
constexpr auto patience_for_quota = seconds(8);

bool may_help_to_try_again(ErrorKind kind) {
    return kind == ErrorKind::unreachable || kind == ErrorKind::timed_out ||
           kind == ErrorKind::closed || kind == ErrorKind::protocol;
}

std::unexpected<Error> not_the_object(const Source& source, std::string_view what) {
    return fail(
        ErrorKind::protocol,
        fmt::format("the Hub's answer for {} is not the file asked for: {}", source.path, what));
}

// The Hub names digest and size on its redirect to the CDN; they must be those of the entry.
Result<void> check_identity(const HubAnswer& answer, const Source& source) {
    const auto check = [&](const ResponseHead& head) -> Result<void> {
        const auto linked = strong_etag(head.headers.get("X-Linked-ETag"));
        if (linked && Digest::parse(*linked) && Digest::parse(*linked) != source.file.blob) {
            return not_the_object(source, "its digest has changed");
        }
        const auto size = parse_u64(head.headers.get("X-Linked-Size"));
        if (size && *size != source.file.size) {
            return not_the_object(source, "its size has changed");
        }
        return {};
    };
    for (const auto& hop : answer.redirects) {
        const auto checked = check(hop);
        if (!checked) return checked;
    }
    const auto& final = answer.response.head();
    if (answer.left_hub) return {};
    const auto etag = strong_etag(final.headers.get("ETag"));
    if (!final.headers.has("X-Linked-ETag") && etag && Digest::parse(*etag) &&
        Digest::parse(*etag) != source.file.blob) {
        return not_the_object(source, "its ETag has changed");
    }
    return check(final);
}

Result<std::uint64_t> bytes_to_skip(const HubAnswer& answer, const Source& source,
                                    ByteRange range) {
    const auto size = source.file.size;
    const auto& headers = answer.response.head().headers;
    const int status = answer.response.status();
    if (headers.has("Content-Encoding") && !iequals(headers.get("Content-Encoding"), "identity")) {
        return not_the_object(source, "it is compressed");
    }
    const auto length = answer.response.length();
    if (status == 200) {
        if (length && *length != size) {
            return not_the_object(source, fmt::format("{} bytes instead of {}", *length, size));
        }
        return range.begin;
    }
    const auto content = parse_content_range(headers.get("Content-Range"));
    if (!content || content->range.begin != range.begin || content->range.end != range.end ||
        (content->total && *content->total != size) || (length && *length != range.size())) {
        return not_the_object(source, "its Content-Range is not what was asked for");
    }
    return 0;
}

bool is_part_of(const HubAnswer& answer, const Source& source, ByteRange range) {
    const int status = answer.response.status();
    return (status == 200 || status == 206) && check_identity(answer, source).has_value() &&
           bytes_to_skip(answer, source, range).has_value();
}

}  // namespace

struct Fetcher::Job {
    IoThread& thread;
    std::shared_ptr<Flight> flight;
    Source source;
    ByteRange goal;
    ByteCounter counter;
    std::unique_ptr<Reservation> reservation;
    std::optional<Origin> mirror;  // that sent some of the bytes
};

// One connection's share: the network fills the ring, write_down() empties it into the file.
struct Fetcher::Transfer {
    Transfer(std::size_t capacity, Executor executor, std::uint64_t claim_id, std::uint64_t begin)
        : ring(capacity, std::move(executor)), claim(claim_id), position(begin) {}
    Ring ring;
    const std::uint64_t claim;
    std::uint64_t position;  // of the next byte to be written
    bool cut_short = false;  // another fetch took over what follows
    bool done = false;
    std::optional<Error> error;
};

Task<Result<HubAnswer>> Fetcher::ask(IoThread& thread, HubRequest request, const Source& source,
                                     ByteRange range) {
    const auto& credential = source.credential;
    const auto target = request.target;
    if (auto lead = leads_.find(target, credential, unix_now())) {
        auto led = co_await upstream_.ask_where_led(thread, request, std::move(*lead));
        if (led && is_part_of(*led, source, range)) co_return led;
        leads_.forget(target, credential);
    }
    auto answer = co_await upstream_.ask(thread, request, credential, Follow::anywhere);
    if (!answer) co_return answer;
    const bool is_it = is_part_of(*answer, source, range);
    if (answer->origin != upstream_.hub() && !is_it) {
        upstream_.distrust(answer->origin);
        request.mirrors_may_answer = false;
        answer = co_await upstream_.ask(thread, request, credential, Follow::anywhere);
    } else if (answer->led_to && answer->origin == upstream_.hub() && is_it) {
        leads_.learn(target, credential, *answer->led_to, unix_now());
    }
    co_return answer;
}

Task<Result<Fetcher::Opened>> Fetcher::open(IoThread& thread, const Source& source,
                                            ByteRange range) {
    HubRequest request;
    request.target = resolve_target(source.repo, source.file.commit, source.path);
    request.patience = patience_for_quota;
    if (range.begin != 0 || range.end != source.file.size) {
        request.headers.set("Range", fmt::format("bytes={}-{}", range.begin, range.end - 1));
    }
    auto answer = co_await ask(thread, std::move(request), source, range);
    if (!answer) co_return std::unexpected(answer.error());
    const int status = answer->response.status();
    if (status != 200 && status != 206) {
        const auto kind = status == 404                        ? ErrorKind::not_found
                          : status == 429 && !answer->left_hub ? ErrorKind::limited
                          : (status == 401 || status == 403) && !answer->left_hub
                              ? ErrorKind::denied
                              : ErrorKind::protocol;
        co_return fail(kind,
                       fmt::format("{} answered {} for {}",
                                   answer->left_hub ? "the CDN" : "the Hub", status, source.path),
                       status);
    }
    const auto same = check_identity(*answer, source);
    if (!same) co_return std::unexpected(same.error());
    const auto skip = bytes_to_skip(*answer, source, range);
    if (!skip) co_return std::unexpected(skip.error());
    co_return Opened{std::move(answer->response), *skip, std::move(answer->origin)};
}

HubError Fetcher::limit_of(const Source& source) const {
    const auto target = resolve_target(source.repo, source.file.commit, source.path);
    return upstream_.limit_of(target, source.credential);
}

void Fetcher::start(IoThread& thread, std::shared_ptr<Flight> flight, Source source, ByteRange goal,
                    Flight::Claim claim, ByteCounter counter) {
    auto job = std::make_shared<Job>(
        Job{thread, std::move(flight), std::move(source), goal, std::move(counter), nullptr, {}});
    thread.tasks().spawn("fetch", run(std::move(job), claim));
}

void Fetcher::start_verifying(IoThread& thread, std::shared_ptr<Flight> flight) {
    thread.tasks().spawn("verify", verify(std::move(flight)));
}

Task<void> Fetcher::verify(std::shared_ptr<Flight> flight) {
    co_await flights_.verify_and_publish(std::move(flight));
}

Task<void> Fetcher::remember(std::shared_ptr<Flight> flight) {
    co_await flights_.checkpoint(std::move(flight));
}

Task<void> Fetcher::run(std::shared_ptr<Job> job, Flight::Claim first) {
    auto& flight = *job->flight;
    auto reservation = co_await store_.reserve(flight.missing_in(job->goal), &flight.partial());
    if (!reservation) {
        flight.release(first.id);
        log_.warn("a file passes without being kept",
                  {{"path", job->source.path}, {"cause", reservation.error().message}});
        co_await flights_.fail(job->flight, reservation.error());
        co_return;
    }
    job->reservation = std::move(*reservation);
    for (std::optional<Flight::Claim> claim = first; claim; claim = flight.claim(job->goal)) {
        auto fetched = co_await fetch_claim(*job, claim->id);
        flight.release(claim->id);
        if (fetched) continue;
        if (!flight.failure()) {
            log_.warn("a transfer from the Hub failed", {{"path", job->source.path},
                                                         {"repo", job->source.repo.name},
                                                         {"cause", fetched.error().message}});
        }
        co_await flights_.fail(job->flight, fetched.error());
        co_return;
    }
    co_await flights_.verify_and_publish(job->flight);
    const auto failure = flight.failure();
    if (!failure || failure->kind != ErrorKind::corrupt) co_return;
    const auto& source = job->source;
    leads_.forget(resolve_target(source.repo, source.file.commit, source.path), source.credential);
    if (job->mirror) upstream_.distrust(*job->mirror);
}

Task<Result<void>> Fetcher::fetch_claim(Job& job, std::uint64_t claim) {
    auto& flight = *job.flight;
    const auto planned = flight.claimed(claim);
    const auto allocated = co_await offload(store_.pool(), [&flight, planned] {
        return flight.partial().file.allocate(planned.begin, planned.size());
    });
    if (!allocated) co_return allocated;
    SteadyClock::duration pause = first_pause;
    int attempts = 0;
    for (;;) {
        const auto before = flight.claimed(claim);
        if (before.empty()) co_return Result<void>();
        auto moved = co_await transfer(job, claim);
        if (const auto failure = flight.failure()) co_return std::unexpected(*failure);
        if (moved) continue;
        if (!may_help_to_try_again(moved.error().kind)) co_return moved;
        if (flight.claimed(claim).begin != before.begin) {
            attempts = 0;
            pause = first_pause;
        }
        if (++attempts >= max_attempts) co_return moved;
        co_await sleep_for(pause);
        pause = std::min<SteadyClock::duration>(pause * 2, longest_pause);
    }
}

Task<Result<void>> Fetcher::transfer(Job& job, std::uint64_t claim) {
    const auto range = job.flight->claimed(claim);
    auto opened = co_await open(job.thread, job.source, range);
    if (!opened) co_return std::unexpected(opened.error());
    if (opened->origin != upstream_.hub()) job.mirror = opened->origin;
    const auto capacity = std::min<std::uint64_t>(ring_bytes, range.size() + opened->skip);
    auto transfer = std::make_shared<Transfer>(capacity, job.thread.executor(), claim, range.begin);
    job.thread.tasks().spawn("write down", write_down(job, transfer));
    auto& ring = transfer->ring;
    Result<void> outcome;
    std::uint64_t skip = opened->skip;
    std::uint64_t left = range.size();
    while (left > 0 && !transfer->error && !transfer->cut_short) {
        auto space = ring.free_space();
        if (space.empty()) {
            co_await ring.changed();
            continue;
        }
        const auto want = std::min<std::uint64_t>(space.size(), skip > 0 ? skip : left);
        const auto got = co_await opened->response.read_some(space.first(want));
        if (!got || *got == 0) {
            outcome = got ? fail(ErrorKind::closed, "the Hub's answer was cut short")
                          : std::unexpected(got.error());
            break;
        }
        job.counter->fetch_add(*got, std::memory_order_relaxed);
        if (skip > 0) {
            skip -= *got;
            continue;
        }
        left -= *got;
        ring.produced(*got);
    }
    if (left == 0 && !opened->response.ends_with_connection()) {
        // Reading the end of the answer lets the connection be used again.
        char extra;
        co_await opened->response.read_some(std::span(&extra, 1));
    }
    ring.end();
    while (!transfer->done) co_await ring.changed();
    if (transfer->error) co_return std::unexpected(*transfer->error);
    co_return outcome;
}

Task<void> Fetcher::write_down(Job& job, std::shared_ptr<Transfer> transfer) {
    auto& flight = *job.flight;
    auto& ring = transfer->ring;
    while (!ring.ended()) {
        const auto content = ring.content();
        if (content.empty()) {
            co_await ring.changed();
            continue;
        }
        const auto end = flight.claimed(transfer->claim).end;
        const auto room = end - std::min(end, transfer->position);
        const auto count = std::min<std::uint64_t>(content.size(), room);
        if (count == 0 || transfer->error || flight.failure()) {
            transfer->cut_short = true;
            ring.consumed(content.size());
            continue;
        }
        const auto piece = content.first(count);
        const auto position = transfer->position;
        auto written =
            co_await offload(store_.pool(), [&flight, piece, position]() -> Result<void> {
                auto done = flight.partial().file.write_at(position, piece);
                if (done) flight.hash(position, piece);
                return done;
            });
        if (!written) {
            transfer->error = written.error();
        } else {
            transfer->position += count;
            job.reservation->use(count);
            flight.advance(transfer->claim, count);
            if (flight.checkpoint_due()) {
                job.thread.tasks().spawn("remember", remember(job.flight));
            }
        }
        ring.consumed(count);
    }
    transfer->done = true;
    ring.consumed(0);
}

}  // namespace hubkeep
