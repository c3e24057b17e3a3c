#include "server/proxy/files.hpp"

#include <fmt/format.h>

#include "server/hub/xet_hints.hpp"
#include "server/proxy/xet_mode.hpp"

namespace hubkeep {
namespace {

// Head and body of a small file leave with one system call.
constexpr std::uint64_t one_write_bytes = HotFiles::max_content_bytes;

// What may change the answer beyond method and target.
bool has_conditions(const Headers& headers) {
    return headers.has("Range") || headers.has("If-None-Match") || headers.has("If-Range");
}

// Where it is offered over Xet at all.
bool wants_xet_info(const FileMetadata& file, const Headers& headers) {
    return !file.xet_hash.empty() && wants_xet_file_info(headers.get("Accept"));
}

void add_fields(ResponseHead& head, const HeaderFields& fields) {
    for (const auto& [name, value] : fields) head.headers.set(name, value);
}

bool would_lose_token(const Exchange& exchange) {
    return !exchange.authorization().empty() &&
           forgets_token_elsewhere(exchange.request().headers.get("User-Agent"));
}

}  // namespace

Files::Files(const Settings& settings, Resolver& resolver, Fetcher& fetcher, Direct& direct,
             Flights& flights, BlobStore& store, Index& index, IoThreads& threads, Log& log)
    : settings_(settings),
      resolver_(resolver),
      fetcher_(fetcher),
      direct_(direct),
      flights_(flights),
      store_(store),
      index_(index),
      log_(log),
      part_readers_(unix_now()) {
    for (std::size_t i = 0; i < threads.size(); ++i) {
        hot_.emplace_back(settings.cache.memory.bytes / threads.size());
    }
}

std::shared_ptr<const HotTarget> Files::hot(Exchange& exchange) {
    const auto& request = exchange.request();
    const bool reads = request.method == "GET" || request.method == "HEAD";
    return reads ? hot_[exchange.thread().number()].find(request.target) : nullptr;
}

std::optional<Files::HotAnswer> Files::answer_now(Exchange& exchange, const HotTarget& target,
                                                  const Caller& caller) {
    const auto& request = exchange.request();
    auto* const hot = target.find(caller.access);
    const auto now = unix_now();
    if (hot == nullptr || has_conditions(request.headers) || !hot->stays_true.holds(now)) return {};
    if (wants_xet_info(hot->file, request.headers)) return {};
    HotAnswer answer;
    answer.head.composed = hot->fields;
    add_xet_fields(answer.head, exchange, hot->file, target.route.repo);
    answer.head.headers.add("Content-Length", std::to_string(hot->file.size));
    if (request.method == "HEAD") {
        if (!hot->location.empty() && !would_lose_token(exchange)) {
            answer.head.headers.add("Location", public_origin(settings_, exchange) + hot->location);
        }
    } else {
        if (!hot->content || !hot->presence.holds()) return {};
        answer.content = hot->content;
        if (std::exchange(hot->touched_at, now) != now) store_.touch(hot->file.blob);
    }
    exchange.record().cache = name_of(Verdict::hit);
    return answer;
}

void Files::add_xet_fields(ResponseHead& head, const Exchange& exchange, const FileMetadata& file,
                           const RepoId& repo) const {
    if (file.xet_hash.empty()) return;
    add_fields(head, xet_fields(file, repo, public_origin(settings_, exchange)));
}

// Of an answer to a whole file, whose head has the fields of the file and no others.
void Files::keep_hot(const Answer& answer, const StaysTrue& stays_true) {
    const auto& request = answer.exchange.request();
    const auto& route = answer.route;
    // What was asked for under another target, or is made for this one answer, is not; nor what
    // anybody can make new names for.
    const bool is_plain = route.kind != Route::Kind::raw && route.target() == request.target &&
                          (route.query.empty() || route.query == "download=true");
    if (settings_.cache.memory.bytes == 0 || !is_plain || !stays_true.holds(unix_now())) return;
    const auto known = hot(answer.exchange);
    const auto* const before = known ? known->find(answer.caller.access) : nullptr;
    if (before != nullptr && before->stays_true.holds(unix_now())) return;
    auto file = std::make_shared<HotFile>();
    file->access = answer.caller.access;
    file->stays_true = stays_true;
    file->file = answer.source.file;
    auto head = answer.head;
    add_cache_fields(head, Verdict::hit, {});
    for (const auto& [name, value] : head.headers) {
        file->fields.append(name).append(": ").append(value).append("\r\n");
    }
    if (!is_commit(route.revision)) {
        file->location = resolve_target(route.repo, file->file.commit, route.path);
    }
    hot_[answer.exchange.thread().number()].put(request.target, route, std::move(file));
}

HubError Files::refusal_of(const Error& error, const Source& source) const {
    if (error.kind == ErrorKind::limited) return fetcher_.limit_of(source);
    if (error.kind == ErrorKind::unreachable || error.kind == ErrorKind::timed_out) {
        return not_cached_offline(source.path, error.message);
    }
    return upstream_failed(error.message);
}

Task<void> Files::serve(Exchange& exchange, Route route, Caller caller) {
    const auto hot = this->hot(exchange);
    // Not all that leads here was asked for by this target.
    const bool is_target = hot && hot->route.repo == route.repo && hot->route.path == route.path &&
                           hot->route.revision == route.revision;
    auto now = is_target ? answer_now(exchange, *hot, caller) : std::nullopt;
    if (now) {
        co_await exchange.respond_with(std::move(now->head), now->body());
        co_return;
    }
    ResolveRequest question{route.repo, route.revision, route.path, caller};
    auto resolved = co_await resolver_.resolve(exchange.thread(), std::move(question));
    co_await answer(exchange, route, caller, std::move(resolved), false);
}

// What a listing told may not be there any more, or not be open: then the Hub says why, and where a
// moving revision points now.
Task<void> Files::refuse_or_answer_anew(Answer& answer, const Error& error) {
    const bool refused = error.kind == ErrorKind::not_found || error.kind == ErrorKind::denied;
    const auto& file = answer.source.file;
    if (refused && !answer.doubted) {
        const auto& route = answer.route;
        ResolveRequest question{route.repo, route.revision, route.path, answer.caller};
        question.doubted = true;
        auto resolved = co_await resolver_.resolve(answer.exchange.thread(), std::move(question));
        if (answer.reader && !resolved) {
            co_await send_refusal(answer.exchange, as_gone(std::move(resolved.error())), true);
            co_return;
        }
        // What is another commit's would be no part of that file.
        const bool same = answer.reader || (resolved && resolved->file.commit == file.commit);
        if (!same) {
            co_await this->answer(answer.exchange, route, answer.caller, std::move(resolved), true);
            co_return;
        }
    }
    const bool json = answer.reader.has_value();
    co_await send_refusal(answer.exchange, {refusal_of(error, answer.source), {}}, json);
}

Task<void> Files::answer(Exchange& exchange, const Route& route, const Caller& caller,
                         Outcome<Resolution> resolved, bool doubted) {
    const auto& request = exchange.request();
    const bool is_head = request.method == "HEAD";
    const bool pinned = is_commit(route.revision);
    if (!resolved) {
        co_await send_refusal(exchange, resolved.error(), false);
        co_return;
    }
    const bool is_raw = route.kind == Route::Kind::raw;
    const bool over_xet = serves_xet(settings_, resolved->repo) && can_keep(resolved->file.size);
    if (is_raw || !over_xet) resolved->file.xet_hash.clear();
    const auto& file = resolved->file;
    exchange.record().cache = name_of(resolved->verdict);
    Answer answer{.exchange = exchange,
                  .route = route,
                  .caller = caller,
                  .doubted = doubted,
                  .source = {resolved->repo, route.path, file, caller.credential},
                  .body = FileBody(ByteRange{0, file.size}),
                  .range = {0, file.size},
                  .verdict = resolved->verdict,
                  .warning = resolved->warning,
                  .counter = std::make_shared<std::atomic<std::uint64_t>>(0)};
    auto& headers = answer.head.headers;
    const bool shared = caller.access.empty();
    const bool attachment = query_flag(route.query, "download");
    if (is_raw && file.blob.kind == DigestKind::sha256) {
        co_await send_pointer(answer);
        co_return;
    }
    if (wants_xet_info(file, request.headers)) {
        co_await send_xet_info(answer);
        co_return;
    }
    add_fields(answer.head, file_headers(file, route.path, pinned, shared, attachment));
    keep_hot(answer, resolved->stays_true);
    const auto etag = quoted_etag(file.blob);
    // An unchanged file may be part of a newer commit, which a 304 could not tell.
    const bool may_304 = !is_head || pinned;
    if (may_304 && if_none_match_hits(request.headers.get("If-None-Match"), etag)) {
        answer.head.status = 304;
        add_cache_fields(answer.head, answer.verdict, answer.warning);
        co_await exchange.respond(std::move(answer.head), {});
        co_return;
    }
    if (is_head) {
        if (!pinned && !would_lose_token(exchange)) {
            headers.set("Location", public_origin(settings_, exchange) +
                                        resolve_target(route.repo, file.commit, route.path));
        }
        headers.set("Content-Length", std::to_string(file.size));
        add_xet_fields(answer.head, exchange, file, route.repo);
        add_cache_fields(answer.head, answer.verdict, answer.warning);
        co_await exchange.send_head(std::move(answer.head));
        co_return;
    }
    if (!choose_range(answer, etag)) {
        co_await exchange.respond(std::move(answer.head), {});
        co_return;
    }
    headers.set("Content-Length", std::to_string(answer.range.size()));
    add_xet_fields(answer.head, exchange, file, route.repo);
    co_await send_body(answer);
    exchange.record().upstream_bytes = answer.counter->load(std::memory_order_relaxed);
}

// What git holds for an LFS file is its pointer, which follows from digest and size.
Task<void> Files::send_pointer(Answer& answer) {
    const auto& route = answer.route;
    const auto& file = answer.source.file;
    auto pointer = lfs_pointer(file.blob, file.size);
    FileMetadata text{file.commit, digest_of(DigestKind::git_sha1, pointer), pointer.size()};
    add_fields(answer.head,
               file_headers(text, route.path, is_commit(route.revision),
                            answer.caller.access.empty(), query_flag(route.query, "download")));
    answer.head.headers.set("Content-Type", "text/plain; charset=utf-8");
    add_cache_fields(answer.head, answer.verdict, answer.warning);
    co_await answer.exchange.respond(std::move(answer.head), std::move(pointer));
}

Task<void> Files::send_xet_info(Answer& answer) {
    const auto& file = answer.source.file;
    const auto& repo = answer.route.repo;
    const auto origin = public_origin(settings_, answer.exchange);
    add_fields(answer.head, xet_file_info_fields(file, repo, origin));
    add_cache_fields(answer.head, answer.verdict, answer.warning);
    co_await answer.exchange.respond(std::move(answer.head), xet_file_info(file, repo, origin));
}

// False when there is nothing at the range that the client wants: then the head says so.
bool Files::choose_range(Answer& answer, std::string_view etag) const {
    const auto& request = answer.exchange.request().headers;
    auto& headers = answer.head.headers;
    const auto size = answer.source.file.size;
    if (size == 0) {
        // Of nothing, any range is all; @huggingface/hub learns here that it is empty.
        if (request.has("Range")) headers.set("Content-Range", "bytes */0");
        return true;
    }
    const auto range = parse_range(request.get("Range"));
    if (!range || !if_range_holds(request.get("If-Range"), etag)) return true;
    const auto bytes = range->in(size);
    if (!bytes) {
        answer.head.status = 416;
        headers.set("Content-Range", fmt::format("bytes */{}", size));
        return false;
    }
    answer.head.status = 206;
    answer.range = *bytes;
    answer.body.emplace(*bytes);
    answer.to_the_end = range->form == RangeRequest::Form::open;
    answer.whole = answer.to_the_end && bytes->begin == 0;
    headers.set("Content-Range", format_content_range(*bytes, size));
    return true;
}

Task<void> Files::send_body(Answer& answer) {
    auto& exchange = answer.exchange;
    const auto& file = answer.source.file;
    if (file.size == 0) {
        add_cache_fields(answer.head, answer.verdict, answer.warning);
        co_await exchange.send_head(std::move(answer.head));
        co_return;
    }
    auto& reader = index_.reader(exchange.thread().number());
    auto joined = co_await flights_.join(file.blob, file.size, reader);
    if (!joined && joined.error().kind != ErrorKind::no_space) {
        co_await send_refusal(exchange, {upstream_failed(joined.error().message), {}}, false);
        co_return;
    }
    if (!joined && answer.reader && !answer.whole) {
        co_await send_refusal(exchange, no_room_now(answer.source), true);
        co_return;
    }
    if (!joined) {
        answer.verdict = Verdict::bypass;
        add_cache_fields(answer.head, answer.verdict, answer.warning);
        exchange.record().cache = name_of(answer.verdict);
        const auto head_sent = co_await exchange.send_head(std::move(answer.head));
        if (!head_sent) co_return;
        const auto sent = co_await send_directly(answer);
        if (!sent) {
            log_cut(answer, sent.error());
            exchange.abort();
        }
        co_return;
    }
    if (joined->blob) {
        const bool bytes_were_there = answer.verdict != Verdict::stale;
        if (bytes_were_there && answer.verdict != Verdict::revalidated) {
            answer.verdict = Verdict::hit;
        }
        exchange.record().cache = name_of(answer.verdict);
        add_cache_fields(answer.head, answer.verdict, answer.warning);
        co_await send_blob(answer, *joined->blob);
        co_return;
    }
    co_await follow(answer, std::move(joined->flight), joined->created);
}

Task<void> Files::send_blob(Answer& answer, const Blob& blob) {
    auto& exchange = answer.exchange;
    const auto& file = *blob.file;
    if (!answer.reader && answer.range.size() <= one_write_bytes) {
        std::string body(answer.range.size(), '\0');
        const auto got = file.read_at(answer.range.begin, body);
        if (got && *got == body.size()) {
            hot_[exchange.thread().number()].add_content(
                exchange.request().target, answer.caller.access, blob.digest, body, blob.presence);
            co_await exchange.respond(std::move(answer.head), std::move(body));
            co_return;
        }
    }
    const auto head_sent = co_await exchange.send_head(std::move(answer.head));
    if (!head_sent) co_return;
    const auto sent = co_await answer.body->send_all(exchange, file);
    if (!sent) exchange.abort();
}

void Files::log_cut(const Answer& answer, const Error& error) {
    log_.error("an answer was cut so that it is not taken for a whole file",
               {{"id", answer.exchange.request_id()},
                {"repo", answer.source.repo.name},
                {"path", answer.source.path},
                {"cause", error.message}});
}

}  // namespace hubkeep
