#include "server/proxy/refresher.hpp"

#include <fmt/format.h>

#include "server/hub/listing.hpp"
#include "server/hub/route.hpp"
#include "server/hub/targets.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t info_limit_bytes = 64 * 1024 * 1024;

}  // namespace

Refresher::Site Refresher::site_of(IoThread& thread, const RepoId& repo) {
    auto caller = access_.for_operator(repo);
    auto scope = aliases_.scope_of(repo, caller.access, index_.reader(thread.number()));
    return {std::move(caller), std::move(scope)};
}

RepoId Refresher::canonical(IoThread& thread, const RepoId& repo) {
    return {repo.kind, site_of(thread, repo).scope.name};
}

Revisions::Known Refresher::known(IoThread& thread, const RepoId& repo,
                                  const std::string& revision) {
    auto& reader = index_.reader(thread.number());
    return revisions_.known(site_of(thread, repo).scope, revision, reader)
        .value_or(Revisions::Known{});
}

void Refresher::expire(IoThread& thread, const RepoId& repo) {
    const auto site = site_of(thread, repo);
    revisions_.expire(site.scope, "");
    refusals_.forget(site.scope);
}

Task<Outcome<Refresher::Refreshed>> Refresher::refresh(IoThread& thread, RepoId repo,
                                                       std::string revision, Priority priority) {
    auto site = site_of(thread, repo);
    auto& reader = index_.reader(thread.number());
    const auto known = revisions_.known(site.scope, revision, reader).value_or(Revisions::Known{});
    if (known.pinned) co_return Refreshed{known.commit, known.commit, true};
    revisions_.expire(site.scope, revision);
    refusals_.forget(site.scope);
    const RepoId canonical{repo.kind, site.scope.name};
    const auto commit = co_await ask(thread, canonical, revision, site.caller, priority);
    if (!commit) {
        if (takes_away(commit.error().error)) revisions_.gone(site.scope, revision);
        co_return std::unexpected(commit.error());
    }
    // A rename may have been learnt on the way.
    site.scope = aliases_.scope_of(canonical, site.caller.access, reader);
    revisions_.replaced(site.scope, revision, *commit);
    co_return Refreshed{known.commit, *commit, false};
}

Task<Outcome<std::string>> Refresher::ask(IoThread& thread, RepoId repo, std::string revision,
                                          Caller caller, Priority priority) {
    HubRequest request;
    request.target = repo_info_target(repo, revision);
    request.headers.set("Accept", "application/json");
    request.priority = priority;
    auto answer =
        co_await upstream_.ask(thread, std::move(request), caller.credential, Follow::same_origin);
    if (!answer) co_return refuse(upstream_failed(answer.error().message));
    const auto body = co_await answer->response.read_all(info_limit_bytes);
    if (!body) co_return refuse(upstream_failed(body.error().message));
    if (answer->response.status() != 200) {
        const auto& headers = answer->response.head().headers;
        const auto get = [&](std::string_view name) { return headers.get(name); };
        co_return refuse(from_hub(answer->response.status(), get, false));
    }
    auto commit = commit_of_info(*body);
    if (!commit || !is_commit(*commit)) {
        co_return refuse(upstream_failed("it described a revision without its commit"));
    }
    const auto route = parse_route("GET", answer->hub_target);
    if (is_valid_repo_name(route.repo.name)) {
        aliases_.learn(repo, caller.access, route.repo.name);
    }
    co_return std::move(*commit);
}

}  // namespace hubkeep
