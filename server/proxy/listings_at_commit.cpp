#include <fmt/format.h>

#include <boost/json.hpp>

#include "server/hub/json_text.hpp"
#include "server/hub/listing.hpp"
#include "server/hub/query.hpp"
#include "server/hub/tree.hpp"
#include "server/proxy/listings.hpp"

namespace hubkeep {
namespace {

// Of a thousand entries each.
constexpr int max_learnt_pages = 1000;

std::string paths_question(const std::vector<std::string>& paths, bool expand) {
    boost::json::array list;
    for (const auto& path : paths) list.emplace_back(path);
    return boost::json::serialize(boost::json::object{{"paths", list}, {"expand", expand}});
}

// The fields of a query that asks for nothing else.
std::vector<std::string> expanded_fields(std::string_view query) {
    std::vector<std::string> fields;
    for (auto& [name, value] : parse_query(query)) {
        if (name != "expand") return {};
        fields.push_back(std::move(value));
    }
    return fields;
}

Document with_body(Document document, std::string body) {
    document.row.body = std::move(body);
    return document;
}

Document stale(ListingRow row, std::string warning) {
    return {std::move(row), Verdict::stale, std::move(warning)};
}

}  // namespace

std::string Listings::known_commit(IoThread& thread, const Route& route, const Caller& caller,
                                   bool must_be_fresh) {
    if (is_commit(route.revision)) return route.revision;
    auto& reader = index_.reader(thread.number());
    const auto scope = aliases_.scope_of(route.repo, caller.access, reader);
    const auto known = revisions_.known(scope, route.revision, reader);
    return known && (known->fresh || !must_be_fresh) ? known->commit : "";
}

Task<Outcome<Document>> Listings::tree_at(IoThread& thread, Question question) {
    const auto& [route, caller, query, commit, client] = question;
    auto request = request_for(thread, route, caller);
    const auto& folder = route.path;
    KnownListings::TreeRequest known{.question = {request.scope, commit, folder, query},
                                     .repo = route.repo,
                                     .keeps_trees = client.contains("hf_hub/")};
    const auto cursor = query_value(query, "cursor");
    const bool own_cursor = cursor && KnownListings::is_own_cursor(*cursor);
    const bool expanded = is_expanded(query);
    if (!expanded && (!cursor || own_cursor)) {
        auto whole = co_await known_.tree(thread, known);
        if (whole) co_return std::move(*whole);
    }
    // A cursor in our form may also be that of a hubkeep that is our Hub.
    request.key = fmt::format("tree\n{}\n{}\n{}", commit, folder, query);
    request.ask.target = tree_target({route.repo.kind, request.scope.name}, commit, folder, query);
    if (expanded) {
        request.ttl_seconds = revisions_.ttl_of(request.scope, route.revision).count();
    }
    request.what = fmt::format("the tree of {} at {}", request.scope.name, route.revision);
    request.teach = [asked = known.question](Passed passed) {
        return Trees::from_page(asked, std::move(passed));
    };
    auto document = co_await documents_.get(thread, std::move(request));
    if (document || !stale_allowed(document.error().error)) co_return document;
    // A page in the middle of the Hub's own order; only the Hub knows what it holds.
    if (cursor && !own_cursor) co_return document;
    auto refused = document.error();
    if (expanded) {
        auto whole = co_await known_.tree(thread, known);
        if (whole) {
            co_return stale(std::move(whole->row),
                            "without last commits and security status: " + refused.error.message);
        }
    }
    auto part = co_await known_.part_of_tree(thread, std::move(known), refused.error.message);
    if (part) co_return std::move(*part);
    co_return std::unexpected(std::move(refused));
}

Task<Outcome<void>> Listings::learn_tree(IoThread& thread, RepoId repo, std::string commit,
                                         Caller caller) {
    Route route;
    route.kind = Route::Kind::tree;
    route.repo = std::move(repo);
    route.revision = commit;
    route.revision_given = true;
    std::string query = "recursive=true";
    for (int page = 0; page < max_learnt_pages; ++page) {
        auto& reader = index_.reader(thread.number());
        const auto scope = aliases_.scope_of(route.repo, caller.access, reader);
        if (reader.is_complete(scope, commit, "", true)) co_return Outcome<void>();
        const auto document = co_await tree_at(thread, {route, caller, query, commit, {}});
        if (!document) co_return std::unexpected(document.error());
        // What is known of it is all that can be had.
        if (document->verdict == Verdict::stale) {
            co_return refuse(not_cached_offline("the tree of " + scope.name, document->warning));
        }
        if (document->row.link.empty()) co_return Outcome<void>();
        query = normalised_query(parse_route("GET", document->row.link).query, tree_parameters);
    }
    co_return refuse(upstream_failed("the repository has more files than can be looked through"));
}

Task<Outcome<Document>> Listings::paths_at(IoThread& thread, Question question,
                                           std::vector<std::string> paths, bool expand) {
    const auto& [route, caller, query, commit, client] = question;
    auto request = request_for(thread, route, caller);
    auto known = known_.paths(thread, request.scope, commit, paths);
    Document local;
    local.row.content_type = "application/json; charset=utf-8";
    if (!expand && known.unknown.empty()) {
        co_return with_body(std::move(local), json_array(known.items));
    }
    const auto& asked = expand ? paths : known.unknown;
    request.ask.method = "POST";
    request.ask.target = paths_info_target({route.repo.kind, request.scope.name}, commit);
    request.ask.headers.set("Content-Type", "application/json");
    request.ask.body = paths_question(asked, expand);
    const auto digest = digest_of(DigestKind::sha256, request.ask.body);
    request.key = fmt::format("paths\n{}\n{}", commit, digest.hex());
    if (expand) request.ttl_seconds = revisions_.ttl_of(request.scope, route.revision).count();
    request.what = fmt::format("entries of {} at {}", request.scope.name, route.revision);
    request.teach = [commit, asked](Passed passed) {
        return Trees::from_paths(commit, asked, std::move(passed));
    };
    auto document = co_await documents_.get(thread, std::move(request));
    if (expand) {
        if (document || !stale_allowed(document.error().error) || !known.unknown.empty()) {
            co_return document;
        }
        local.verdict = Verdict::stale;
        local.warning =
            "without last commits and security status: " + document.error().error.message;
        co_return with_body(std::move(local), json_array(known.items));
    }
    if (!document || document->row.status != 200) co_return document;
    JsonElements elements(document->row.body);
    while (const auto element = elements.next()) known.items.emplace_back(*element);
    co_return with_body(std::move(*document), json_array(known.items));
}

Task<Outcome<Document>> Listings::expanded_info_at(IoThread& thread, Question question) {
    const auto& [route, caller, query, commit, client] = question;
    auto request = request_for(thread, route, caller);
    auto base = documents_.kept(thread, request.scope, info_key(commit, ""));
    const auto fields = expanded_fields(query);
    std::optional<std::string> local;
    if (base && !fields.empty()) local = with_only(base->body, fields);
    const auto ttl = seconds(info_ttl_seconds());
    if (local && is_fresh(base->fetched_at, unix_now(), ttl)) {
        co_return with_body({std::move(*base), Verdict::hit, {}}, std::move(*local));
    }
    request.key = fmt::format("info of\n{}\n{}", commit, query);
    request.ask.target = repo_info_target({route.repo.kind, request.scope.name}, commit, query);
    request.ttl_seconds = revisions_.ttl_of(request.scope, route.revision).count();
    request.what = fmt::format("the description of {}", request.scope.name);
    auto document = co_await documents_.get(thread, std::move(request));
    if (document || !stale_allowed(document.error().error)) co_return document;
    const auto& why = document.error().error.message;
    if (local) co_return with_body(stale(std::move(*base), why), std::move(*local));
    const bool all_but_scans = base && query_flag(query, "securityStatus");
    if (!all_but_scans) co_return document;
    co_return stale(std::move(*base), "without security status: " + why);
}

Task<Outcome<Document>> Listings::info_with_blobs(IoThread& thread, const Route& route,
                                                  const Caller& caller) {
    auto& reader = index_.reader(thread.number());
    const auto scope = aliases_.scope_of(route.repo, caller.access, reader);
    const auto commit = known_commit(thread, route, caller, true);
    if (!commit.empty() && reader.is_complete(scope, commit, "", true)) {
        auto plain = co_await info_of(thread, route, caller, "");
        if (!plain || plain->row.status != 200) co_return plain;
        auto whole = co_await known_.with_blobs(thread, scope, plain->row);
        if (whole) co_return with_body(std::move(*plain), std::move(*whole));
    }
    auto document = co_await info_of(thread, route, caller, "blobs=true");
    co_return document;
}

Task<Outcome<Document>> Listings::known_info(IoThread& thread, const Route& route,
                                             const Caller& caller, bool blobs, Refusal refused) {
    const auto commit = known_commit(thread, route, caller, false);
    if (commit.empty()) co_return std::unexpected(std::move(refused));
    auto& reader = index_.reader(thread.number());
    const auto scope = aliases_.scope_of(route.repo, caller.access, reader);
    const auto& why = refused.error.message;
    auto base = documents_.kept(thread, scope, info_key(commit, ""));
    if (base && base->status == 200) {
        if (!blobs) co_return stale(std::move(*base), why);
        auto whole = co_await known_.with_blobs(thread, scope, *base);
        if (whole) co_return with_body(stale(std::move(*base), why), std::move(*whole));
        co_return stale(std::move(*base), "incomplete: without sizes and digests; " + why);
    }
    auto part = co_await known_.part_of_info(thread, scope, commit, blobs, why);
    if (part) co_return std::move(*part);
    co_return std::unexpected(std::move(refused));
}

}  // namespace hubkeep
