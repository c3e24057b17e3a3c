#include "server/proxy/listings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "server/hub/listing.hpp"
#include "server/hub/query.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t paths_body_limit_bytes = 1024 * 1024;
constexpr std::int64_t one_day_seconds = 86400;

}  // namespace

// Expanded documents tell things that change under a commit: last commits, scans, download counts.
bool Listings::is_expanded(std::string_view query) {
    return query_value(query, "expand").value_or("false") != "false" ||
           query_flag(query, "securityStatus");
}

std::int64_t Listings::info_ttl_seconds() const {
    return std::chrono::duration_cast<seconds>(settings_.listings.ttl).count();
}

DocumentRequest Listings::request_for(IoThread& thread, const Route& route, const Caller& caller) {
    DocumentRequest request;
    request.repo = route.repo;
    request.scope = aliases_.scope_of(route.repo, caller.access, index_.reader(thread.number()));
    request.credential = caller.credential;
    request.ask.headers.set("Accept", "application/json");
    return request;
}

Task<Outcome<Document>> Listings::info_of(IoThread& thread, const Route& route,
                                          const Caller& caller, std::string query) {
    auto request = request_for(thread, route, caller);
    const RepoId canonical{route.repo.kind, request.scope.name};
    // A repo without a revision in its path is described at its default branch.
    const std::string asked = route.revision_given ? route.revision : "";
    // A moving revision is asked for as the client did: the name may have got another meaning.
    const auto& named = is_commit(route.revision) ? canonical : route.repo;
    request.ask.target = repo_info_target(named, asked, query);
    request.what = fmt::format("the description of {} at {}", canonical.name, route.revision);
    request.revision = route.revision;
    request.info_query = query;
    request.ttl_seconds = info_ttl_seconds();
    request.teach = Trees::from_info;
    std::string commit = route.revision;
    if (!is_commit(route.revision)) {
        const auto known =
            revisions_.known(request.scope, route.revision, index_.reader(thread.number()));
        commit = known ? known->commit : "";
        request.must_ask = !known || !known->fresh;
        if (known && known->pinned) request.ask.target = repo_info_target(canonical, commit, query);
    }
    request.key = info_key(commit, query);
    auto document = co_await documents_.get(thread, std::move(request));
    co_return document;
}

Task<Outcome<Listings::Pinned>> Listings::commit_of(IoThread& thread, const Route& route,
                                                    const Caller& caller) {
    if (is_commit(route.revision)) co_return Pinned{route.revision, Verdict::hit, {}};
    auto& reader = index_.reader(thread.number());
    const auto scope = aliases_.scope_of(route.repo, caller.access, reader);
    const auto known = revisions_.known(scope, route.revision, reader);
    if (known && known->fresh) co_return Pinned{known->commit, Verdict::hit, {}};
    Route described = route;
    described.revision_given = true;
    auto document = co_await info_of(thread, described, caller, "");
    if (document && is_commit(document->row.commit)) {
        // Another answer may have come first; then its commit counts until the ttl is over.
        const auto agreed = revisions_.known(scope, route.revision, reader);
        const bool counts = agreed && agreed->fresh;
        co_return Pinned{counts ? agreed->commit : document->row.commit, document->verdict,
                         document->warning};
    }
    // Known from files alone: no description was ever seen.
    if (!document && known && document.error().error.status >= 500) {
        co_return Pinned{known->commit, Verdict::stale, upstream_.why_not()};
    }
    if (!document) co_return std::unexpected(document.error());
    co_return refuse(upstream_failed("the Hub described a revision without its commit"));
}

Task<Listings::AtCommit> Listings::at_commit(IoThread& thread, const Route& route,
                                             const Caller& caller, AnswerAt answer_at) {
    auto pinned = co_await commit_of(thread, route, caller);
    if (!pinned) co_return AtCommit{{}, std::unexpected(pinned.error())};
    auto document = co_await answer_at(pinned->commit);
    const bool lost = !document && document.error().error.code == "RevisionNotFound";
    if (!lost || is_commit(route.revision)) co_return AtCommit{*pinned, std::move(document)};
    auto& reader = index_.reader(thread.number());
    const auto scope = aliases_.scope_of(route.repo, caller.access, reader);
    const auto known = revisions_.known(scope, route.revision, reader);
    if (known && known->pinned) co_return AtCommit{*pinned, std::move(document)};
    revisions_.gone(scope, route.revision);
    pinned = co_await commit_of(thread, route, caller);
    if (!pinned) co_return AtCommit{{}, std::unexpected(pinned.error())};
    document = co_await answer_at(pinned->commit);
    co_return AtCommit{*pinned, std::move(document)};
}

Task<void> Listings::send(Exchange& exchange, AtCommit found) {
    co_await send(exchange, std::move(found.document), &found.pinned);
}

Task<void> Listings::send(Exchange& exchange, Outcome<Document> document, const Pinned* pinned) {
    if (!document) {
        co_await send_refusal(exchange, document.error(), true);
        co_return;
    }
    auto verdict = document->verdict;
    auto warning = document->warning;
    if (pinned != nullptr && pinned->verdict == Verdict::stale && warning.empty()) {
        verdict = Verdict::stale;
        warning = pinned->warning;
    }
    exchange.record().cache = name_of(verdict);
    const auto& row = document->row;
    const auto commit = pinned != nullptr ? pinned->commit : row.commit;
    if (row.status != 200) {
        HubError error{.status = row.status, .code = row.error_code, .message = row.error_message};
        co_await send_refusal(exchange, {std::move(error), commit}, true);
        co_return;
    }
    ResponseHead head;
    head.headers.set("Content-Type", row.content_type);
    head.headers.set("Cache-Control", "no-cache");
    if (!commit.empty()) head.headers.set("X-Repo-Commit", commit);
    if (!row.link.empty()) {
        head.headers.set("Link", fmt::format("<{}{}>; rel=\"next\"",
                                             public_origin(settings_, exchange), row.link));
    }
    add_cache_fields(head, verdict, warning);
    co_await exchange.respond(std::move(head), std::move(document->row.body));
}

Task<void> Listings::info(Exchange& exchange, Route route, Caller caller) {
    auto& thread = exchange.thread();
    auto query = normalised_query(route.query, info_parameters);
    if (is_expanded(query)) {
        const auto answer_at = [&](const std::string& commit) {
            return expanded_info_at(thread, {route, caller, query, commit, {}});
        };
        auto found = co_await at_commit(thread, route, caller, answer_at);
        co_await send(exchange, std::move(found));
        co_return;
    }
    const bool blobs = query == "blobs=true";
    Outcome<Document> document;
    if (blobs) document = co_await info_with_blobs(thread, route, caller);
    else document = co_await info_of(thread, route, caller, query);
    if (!document && stale_allowed(document.error().error)) {
        document = co_await known_info(thread, route, caller, blobs, document.error());
        co_await send(exchange, std::move(document), nullptr);
        co_return;
    }
    // Another answer may have come first; then its commit counts until the ttl is over.
    auto& reader = index_.reader(thread.number());
    const auto scope = aliases_.scope_of(route.repo, caller.access, reader);
    const auto known = revisions_.known(scope, route.revision, reader);
    if (document && !is_commit(route.revision) && known && known->fresh &&
        known->commit != document->row.commit) {
        route.revision = known->commit;
        route.revision_given = true;
        document = co_await info_of(thread, route, caller, query);
    }
    co_await send(exchange, std::move(document), nullptr);
}

Task<void> Listings::tree(Exchange& exchange, Route route, Caller caller) {
    auto& thread = exchange.thread();
    const auto query = normalised_query(route.query, tree_parameters);
    const std::string client(exchange.request().headers.get("User-Agent"));
    const auto answer_at = [&](const std::string& commit) {
        return tree_at(thread, {route, caller, query, commit, client});
    };
    auto found = co_await at_commit(thread, route, caller, answer_at);
    co_await send(exchange, std::move(found));
}

Task<void> Listings::paths_info(Exchange& exchange, Route route, Caller caller) {
    auto& thread = exchange.thread();
    const auto body = co_await exchange.read_body(paths_body_limit_bytes);
    if (!body) {
        co_await send_refusal(exchange, {bad_request(body.error().message), {}}, true);
        co_return;
    }
    bool expand = false;
    auto paths = paths_of_request(exchange.request().headers.get("Content-Type"), *body, expand);
    if (!paths) {
        auto error = bad_request(paths.error().message);
        if (paths.error().code != 0) error.status = paths.error().code;
        co_await send_refusal(exchange, {std::move(error), {}}, true);
        co_return;
    }
    std::ranges::sort(*paths);
    const auto answer_at = [&](const std::string& commit) {
        return paths_at(thread, {route, caller, {}, commit, {}}, *paths, expand);
    };
    auto found = co_await at_commit(thread, route, caller, answer_at);
    co_await send(exchange, std::move(found));
}

Task<void> Listings::refs(Exchange& exchange, Route route, Caller caller) {
    auto& thread = exchange.thread();
    const auto query = normalised_query(route.query, refs_parameters);
    auto request = request_for(thread, route, caller);
    request.key = "refs\n" + query;
    request.ask.target = refs_target({route.repo.kind, request.scope.name}, query);
    request.ttl_seconds = revisions_.ttl_of(request.scope, "").count();
    request.what = "the refs of " + request.scope.name;
    auto document = co_await documents_.get(thread, std::move(request));
    if (document && document->row.status == 200) {
        const auto agreed = agree_on_refs(thread, route, caller, *document);
        if (!agreed) document = refuse(upstream_failed(agreed.error().message));
    }
    co_await send(exchange, std::move(document), nullptr);
}

// The other answers about a revision and this one must name one commit.
Result<void> Listings::agree_on_refs(IoThread& thread, const Route& route, const Caller& caller,
                                     Document& document) {
    auto& reader = index_.reader(thread.number());
    const auto scope = aliases_.scope_of(route.repo, caller.access, reader);
    const bool is_news = document.verdict != Verdict::hit && document.verdict != Verdict::stale;
    const auto commit_of_ref = [&](const std::string& revision,
                                   const std::string& commit) -> std::string {
        const auto known = revisions_.known(scope, revision, reader);
        const bool is_newer = known && known->confirmed_at > document.row.fetched_at;
        if (known && (known->fresh || is_newer)) return known->commit;
        // Of pull requests there are thousands, and hardly one is ever asked for.
        const bool is_asked_for = known || !revision.starts_with("refs/pr/");
        return is_news && is_asked_for ? revisions_.confirmed(scope, revision, commit) : commit;
    };
    auto agreed = with_commits(document.row.body, commit_of_ref);
    if (!agreed) return std::unexpected(agreed.error());
    document.row.body = std::move(*agreed);
    return {};
}

Task<void> Listings::agent_harnesses(Exchange& exchange) {
    DocumentRequest request;
    request.key = "agent-harnesses";
    request.ask.target = "/api/agent-harnesses";
    request.ttl_seconds = one_day_seconds;
    request.keep_missing = true;
    request.what = "the list of agent harnesses";
    auto document = co_await documents_.get(exchange.thread(), std::move(request));
    co_await send(exchange, std::move(document), nullptr);
}

}  // namespace hubkeep
