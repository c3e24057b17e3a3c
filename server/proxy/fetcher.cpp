#include "server/proxy/fetcher.hpp"

#include <fmt/format.h>

#include "server/hub/errors.hpp"
#include "server/hub/route.hpp"
#include "server/proxy/fetch_job.hpp"
#include "server/proxy/revisions.hpp"

namespace hubkeep {
namespace {

// Connections that clients wait for: they are asked for by clients and bounded with them.
constexpr std::size_t most_waited_for = 512;
// Clients give up after 10 s without a byte.
constexpr auto patience_for_quota = seconds(8);

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

// In the words of a 429, which a 503 has as well.
seconds pause_wanted(const ResponseHead& head) {
    const auto get = [&](std::string_view name) { return head.headers.get(name); };
    return seconds(std::max<std::int64_t>(0, from_hub(429, get, false).retry_after_seconds));
}

// Asking elsewhere, or again, would only add to it.
bool is_overloaded(int status) {
    return status == 429 || status == 503;
}

// The Hub, not the file, is the trouble.
bool is_in_trouble(const Result<HubAnswer>& answer) {
    if (!answer) return answer.error().kind != ErrorKind::cancelled;
    const int status = answer->response.status();
    return !answer->left_hub && (status == 429 || status >= 500);
}

// The Hub gives it to that credential no longer.
bool refuses(const Result<HubAnswer>& answer) {
    if (!answer || answer->left_hub) return false;
    const int status = answer->response.status();
    return status == 401 || status == 403 || status == 404;
}

bool is_part_of(const HubAnswer& answer, const Source& source, ByteRange range) {
    const int status = answer.response.status();
    return (status == 200 || status == 206) && check_identity(answer, source).has_value() &&
           bytes_to_skip(answer, source, range).has_value();
}

}  // namespace

// Nothing when that address is of no use (any more).
Task<std::optional<HubAnswer>> Fetcher::ask_where_led(IoThread& thread, const HubRequest& request,
                                                      const Source& source, ByteRange range,
                                                      Url lead) {
    auto led = co_await upstream_.ask_where_led(thread, request, lead);
    // What gave no answer may still be the way when the Hub gives none either.
    if (!led) co_return std::nullopt;
    if (!is_part_of(*led, source, range) && !is_overloaded(led->response.status())) {
        leads_.forget(request.target, source.credential, lead);
        co_return std::nullopt;
    }
    led->led_to = std::move(lead);
    co_return std::move(*led);
}

Task<Result<HubAnswer>> Fetcher::ask(IoThread& thread, HubRequest request, const Source& source,
                                     ByteRange range) {
    const auto& credential = source.credential;
    const auto lead = leads_.find(request.target, credential, unix_now());
    if (lead) {
        auto led = co_await ask_where_led(thread, request, source, range, *lead);
        if (led) co_return std::move(*led);
    }
    auto answer = co_await ask_hub(thread, request, source, range);
    if (refuses(answer)) leads_.forget(request.target, credential);
    if (lead || !is_in_trouble(answer)) co_return answer;
    if (const auto old = leads_.last_resort(request.target, credential, unix_now())) {
        auto led = co_await ask_where_led(thread, request, source, range, *old);
        if (led) co_return std::move(*led);
    }
    co_return answer;
}

Task<Result<HubAnswer>> Fetcher::ask_hub(IoThread& thread, HubRequest request, const Source& source,
                                         ByteRange range) {
    const auto& credential = source.credential;
    auto answer = co_await upstream_.ask(thread, request, credential, Follow::anywhere);
    if (!answer) co_return answer;
    const bool is_it = is_part_of(*answer, source, range);
    if (answer->origin != upstream_.hub() && !is_it) {
        upstream_.distrust(answer->origin);
        request.mirrors_may_answer = false;
        answer = co_await upstream_.ask(thread, request, credential, Follow::anywhere);
    } else if (answer->led_to && answer->origin == upstream_.hub() && is_it) {
        leads_.learn(request.target, credential, *answer->led_to, unix_now());
    }
    co_return answer;
}

Task<std::expected<Fetcher::Opened, Fetcher::Unopened>> Fetcher::open(IoThread& thread,
                                                                      const Source& source,
                                                                      ByteRange range) {
    const auto unopened = [](Error error, seconds pause = {}) {
        return std::unexpected(Unopened{std::move(error), pause});
    };
    HubRequest request;
    request.target = resolve_target(source.repo, source.file.commit, source.path);
    request.patience = patience_for_quota;
    const bool in_part =
        range.begin != 0 || range.end != source.file.size || source.file.size > most_in_one_answer;
    if (in_part) {
        request.headers.set("Range", fmt::format("bytes={}-{}", range.begin, range.end - 1));
    }
    auto answer = co_await ask(thread, std::move(request), source, range);
    if (!answer) co_return unopened(answer.error());
    const int status = answer->response.status();
    if (status != 200 && status != 206) {
        const auto kind = status == 404                        ? ErrorKind::not_found
                          : status == 429 && !answer->left_hub ? ErrorKind::limited
                          : (status == 401 || status == 403) && !answer->left_hub
                              ? ErrorKind::denied
                              : ErrorKind::protocol;
        auto message = fmt::format("{} answered {} for {}",
                                   answer->left_hub ? "the CDN" : "the Hub", status, source.path);
        const auto pause =
            is_overloaded(status) ? pause_wanted(answer->response.head()) : seconds(0);
        co_return unopened({kind, std::move(message), status}, pause);
    }
    const auto same = check_identity(*answer, source);
    if (!same) co_return unopened(same.error());
    const auto skip = bytes_to_skip(*answer, source, range);
    if (!skip) co_return unopened(skip.error());
    const auto& sender = answer->led_to ? answer->led_to->origin : answer->origin;
    const bool asked_hub = !answer->redirects.empty() || !answer->left_hub;
    const bool whole = status == 200 && range.size() < source.file.size;
    co_return Opened{.host = sender.authority(),
                     .left_hub = answer->left_hub,
                     .asked_hub = asked_hub,
                     .whole = whole,
                     .response = std::move(answer->response),
                     .skip = *skip,
                     .origin = std::move(answer->origin)};
}

Fetcher::Fetcher(const UpstreamSettings& settings, Upstream& upstream, Leads& leads,
                 BlobStore& store, Flights& flights, Log& log)
    : upstream_(upstream),
      leads_(leads),
      store_(store),
      flights_(flights),
      log_(log),
      most_connections_(settings.connections_per_file),
      slots_({.waited_for = most_waited_for,
              .further = settings.connections,
              .per_host = settings.connections_per_host}) {}

std::string Fetcher::why_not(const Source& source) const {
    const auto target = resolve_target(source.repo, source.file.commit, source.path);
    const bool may_come =
        upstream_.worth_asking() || leads_.last_resort(target, source.credential, unix_now());
    return may_come ? "" : upstream_.why_not();
}

HubError Fetcher::limit_of(const Source& source) const {
    const auto target = resolve_target(source.repo, source.file.commit, source.path);
    return upstream_.limit_of(target, source.credential);
}

void Fetcher::start(IoThread& thread, std::shared_ptr<Flight> flight, Source source, ByteRange goal,
                    Flight::Claim claim, ByteCounter counter) {
    auto job = std::make_shared<Job>(thread, std::move(flight), std::move(source), goal,
                                     std::move(counter), 1);
    job->workers = 1;
    thread.tasks().spawn("fetch", run(std::move(job), claim));
}

void Fetcher::fill(IoThread& thread, std::shared_ptr<Flight> flight, Source source, ByteRange goal,
                   ByteCounter counter) {
    const auto part = flight->begin_filling(goal);
    if (!part) return;
    auto job = std::make_shared<Job>(thread, flight, std::move(source), *part, std::move(counter),
                                     most_connections_);
    job->in_portions = most_connections_ > 1;
    job->fills = true;
    const auto claim = flight->next_claim(0, *part, job->portion());
    if (!claim) {
        flight->end_filling(*part);
        return;
    }
    job->workers = 1;
    thread.tasks().spawn("fetch", run(std::move(job), *claim));
}

void Fetcher::start_verifying(IoThread& thread, std::shared_ptr<Flight> flight) {
    thread.tasks().spawn("verify", flights_.verify_and_publish(std::move(flight)));
}

}  // namespace hubkeep
