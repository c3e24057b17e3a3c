#include "server/proxy/documents.hpp"

#include <fmt/format.h>

#include "server/hub/json_text.hpp"
#include "server/hub/listing.hpp"
#include "server/hub/route.hpp"
#include "server/proxy/xet_mode.hpp"

namespace hubkeep {
namespace {

// Clients of the API have no timeout of their own, but people do.
constexpr auto patience = seconds(25);
constexpr auto patience_with_stale = seconds(2);
constexpr std::size_t document_limit_bytes = 64 * 1024 * 1024;
constexpr int attempts_per_question = 2;
constexpr auto pause_between_attempts = milliseconds(150);

bool is_json(std::string_view content_type) {
    return content_type.find("json") != std::string_view::npos;
}

}  // namespace

std::string info_key(const std::string& commit, const std::string& query) {
    return "info\n" + commit + '\n' + query;
}

std::optional<ListingRow> Documents::stored(IoThread& thread, const Scope& scope,
                                            const std::string& key) {
    return index_.reader(thread.number()).listing(scope, key);
}

std::optional<ListingRow> Documents::kept(IoThread& thread, const Scope& scope,
                                          const std::string& key) {
    auto row = stored(thread, scope, key);
    if (row) row->body = shown(std::move(row->body), scope);
    return row;
}

Task<Outcome<Document>> Documents::get(IoThread& thread, DocumentRequest request) {
    const auto repo = request.repo;
    auto scope = request.scope;
    auto document = co_await find(thread, std::move(request));
    if (!document) co_return document;
    // A rename may have been learnt on the way.
    scope = aliases_.scope_of(repo, scope.access, index_.reader(thread.number()));
    auto& body = document->row.body;
    body = shown(std::move(body), scope);
    co_return document;
}

std::string Documents::shown(std::string body, const Scope& scope) const {
    return serves_xet(settings_, scope) ? strip_xet_above(largest_over_xet_, std::move(body))
                                        : strip_xet(std::move(body));
}

// Under the canonical name, as the Hub's redirects tell it.
Scope Documents::scope_of(const HubAnswer& answer, const DocumentRequest& request) {
    auto scope = request.scope;
    const auto route = parse_route("GET", answer.hub_target);
    if (is_valid_repo_name(route.repo.name)) {
        aliases_.learn(request.repo, scope.access, route.repo.name);
        scope.name = route.repo.name;
    }
    return scope;
}

Task<Documents::Lesson> Documents::read(HubAnswer answer, const DocumentRequest& request,
                                        const Scope& scope) {
    const auto head = answer.response.head();
    const auto get = [&](std::string_view name) { return head.headers.get(name); };
    auto body = co_await answer.response.read_all(document_limit_bytes);
    if (!body) co_return Lesson{.no_answer = body.error().message};
    if (head.status != 200) {
        const auto kind = request.credential.kind;
        auto error = from_hub(head.status, get, kind == Credential::Kind::client);
        if (stale_allowed(error)) {
            auto why = error.message;
            co_return Lesson{.no_answer = std::move(why), .failure = std::move(error)};
        }
        // Of a repo, only what a commit does not have stays true.
        const bool never_there = error.code == "EntryNotFound" && !request.ttl_seconds;
        if (!never_there && !(request.keep_missing && error.status == 404)) {
            co_return Lesson{.refusal = std::move(error)};
        }
        ListingRow row{.status = error.status,
                       .error_code = error.code,
                       .error_message = error.message,
                       .fetched_at = unix_now()};
        co_return Lesson{.row = std::move(row)};
    }
    if (!is_json(head.headers.get("Content-Type"))) {
        co_return Lesson{.no_answer = "something between here and the Hub answered in its place"};
    }
    if (const auto checked = check_json(*body); !checked) {
        co_return Lesson{.no_answer = checked.error().message};
    }
    Lesson lesson;
    lesson.passing = head.headers.get("X-HF-Warning").contains("incomplete");
    std::string link;
    const auto next = next_link(head.headers.get("Link"));
    if (next) link = target_of_url(*next, answer.origin.url()).value_or("");
    if (request.teach && !lesson.passing) {
        const bool by_mirror = answer.origin != upstream_.hub();
        lesson.also = co_await request.teach({scope, *body, link, next.has_value(), by_mirror});
    }
    lesson.row = ListingRow{.content_type = std::string(head.headers.get("Content-Type")),
                            .body = std::move(*body),
                            .link = std::move(link),
                            .fetched_at = unix_now()};
    // What may be stale already is asked for again the next time.
    if (!answer.warning.empty() && request.ttl_seconds) lesson.row->fetched_at = 0;
    lesson.warning = std::move(answer.warning);
    co_return lesson;
}

Task<Documents::Lesson> Documents::learn(IoThread& thread, DocumentRequest request) {
    constexpr auto about = Refusals::About::documents;
    Lesson lesson;
    lesson.refusal = refusals_.recall(request.scope, request.credential, about, request.revision);
    if (lesson.refusal) co_return lesson;
    auto scope = request.scope;
    for (int attempt = 1; attempt <= attempts_per_question; ++attempt) {
        auto answer =
            co_await upstream_.ask(thread, request.ask, request.credential, Follow::same_origin);
        if (answer) {
            scope = scope_of(*answer, request);
            lesson = co_await read(std::move(*answer), request, scope);
        } else {
            lesson = Lesson{.no_answer = answer.error().message};
        }
        const bool limited = lesson.failure && lesson.failure->status == 429;
        if (lesson.no_answer.empty() || limited || !upstream_.worth_asking()) break;
        if (attempt < attempts_per_question) co_await sleep_for(pause_between_attempts);
    }
    if (lesson.refusal) {
        refusals_.remember(request.scope, request.credential, about, request.revision,
                           *lesson.refusal);
        const bool moves = !request.revision.empty() && !is_commit(request.revision);
        if (moves && takes_away(*lesson.refusal)) {
            revisions_.gone(request.scope, request.revision);
        }
    }
    if (!lesson.row) co_return lesson;
    auto key = request.key;
    if (!request.revision.empty()) {
        const auto facts = facts_of_info(lesson.row->body);
        if (facts && is_commit(facts->sha)) {
            lesson.row->commit = facts->sha;
            key = info_key(facts->sha, request.info_query);
            if (!is_commit(request.revision) && lesson.warning.empty()) {
                revisions_.confirmed(scope, request.revision, facts->sha);
            } else if (!is_commit(request.revision)) {
                revisions_.heard(scope, request.revision, facts->sha);
            }
        }
    }
    auto writes = std::exchange(lesson.also, {});
    if (!lesson.passing) writes.push_back(PutListing{scope, key, *lesson.row});
    // A full disk keeps nobody from the answer; the index has told the log.
    co_await index_.write(std::move(writes));
    co_return lesson;
}

Task<Outcome<Document>> Documents::find(IoThread& thread, DocumentRequest request) {
    auto row = stored(thread, request.scope, request.key);
    if (row && !request.must_ask) {
        if (!request.ttl_seconds ||
            is_fresh(row->fetched_at, unix_now(), seconds(*request.ttl_seconds))) {
            co_return Document{std::move(*row), Verdict::hit, {}};
        }
    }
    request.ask.priority = row ? Priority::revalidation : Priority::foreground;
    Lesson lesson;
    bool joined = false;
    if (!upstream_.worth_asking()) {
        lesson.no_answer = upstream_.why_not();
    } else {
        const auto& token = request.credential.token;
        auto key =
            fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.scope.kind, request.repo.name,
                        request.scope.name, request.scope.access, request.revision, request.key);
        for (int turn = 0; turn < 2; ++turn) {
            const auto answer = co_await lessons_.ask(
                thread.tasks(), key, [this, &thread, request] { return learn(thread, request); },
                SteadyClock::now() + (row ? patience_with_stale : patience));
            lesson = answer ? answer->value : Lesson{.no_answer = "the Hub did not answer in time"};
            joined = answer && answer->joined;
            // What another token was refused is for that token alone.
            if (!joined || !lesson.refusal) break;
            key += '\n' + (token.empty() ? "" : token.fingerprint());
        }
    }
    if (lesson.row) {
        const auto verdict = !lesson.warning.empty() ? Verdict::stale
                             : row                   ? Verdict::revalidated
                             : joined                ? Verdict::joined
                                                     : Verdict::miss;
        co_return Document{std::move(*lesson.row), verdict, std::move(lesson.warning)};
    }
    if (lesson.refusal) co_return refuse(*lesson.refusal);
    if (row) co_return Document{std::move(*row), Verdict::stale, lesson.no_answer};
    if (lesson.failure) co_return refuse(*lesson.failure);
    co_return refuse(not_cached_offline(request.what, lesson.no_answer));
}

}  // namespace hubkeep
