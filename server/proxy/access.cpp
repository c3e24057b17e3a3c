#include "server/proxy/access.hpp"

#include "server/hub/listing.hpp"
#include "server/hub/route.hpp"
#include "server/proxy/revisions.hpp"

namespace hubkeep {
namespace {

constexpr std::int64_t visibility_ttl_seconds = 600;
constexpr auto visibility_patience = seconds(2);
constexpr std::size_t info_limit_bytes = 16 * 1024 * 1024;

}  // namespace

Secret token_of(std::string_view authorization) {
    const auto space = authorization.find(' ');
    if (space == std::string_view::npos) return {};
    if (!iequals(authorization.substr(0, space), "Bearer")) return {};
    authorization.remove_prefix(authorization.find_first_not_of(' ', space));
    return Secret(std::string(authorization));
}

Task<Caller> Access::identify(IoThread& thread, const RepoId& repo,
                              std::string_view authorization) {
    if (upstream_.has_service_token()) {
        co_return Caller{upstream_.service_credential(), "service"};
    }
    Secret token = token_of(authorization);
    if (token.empty()) co_return Caller{};
    const bool shared = co_await is_public(thread, repo);
    std::string access = shared ? "" : token.fingerprint();
    co_return Caller{{Credential::Kind::client, std::move(token), shared}, std::move(access)};
}

Caller Access::identify_alone(std::string_view authorization) const {
    if (upstream_.has_service_token()) return {upstream_.service_credential(), "service"};
    Secret token = token_of(authorization);
    if (token.empty()) return {};
    std::string access = token.fingerprint();
    return {{Credential::Kind::client, std::move(token), false}, std::move(access)};
}

Task<bool> Access::is_public(IoThread& thread, const RepoId& repo) {
    auto& reader = index_.reader(thread.number());
    const auto known = reader.visibility(name_of(repo.kind), repo.name);
    if (known && unix_now() - known->at < visibility_ttl_seconds) co_return known->is_public;
    const auto last = known && known->is_public;
    if (!upstream_.worth_asking()) co_return last;
    const std::string key = std::string(name_of(repo.kind)) + '\n' + repo.name;
    const auto priority = known ? Priority::revalidation : Priority::foreground;
    const auto answer = co_await questions_.ask(
        thread.tasks(), key,
        [this, &thread, repo, priority] { return ask_visibility(thread, repo, priority); },
        SteadyClock::now() + visibility_patience);
    if (!answer || !answer->value) co_return last;
    co_return *answer->value;
}

Task<std::optional<bool>> Access::ask_visibility(IoThread& thread, RepoId repo, Priority priority) {
    HubRequest request;
    request.target = repo_info_target(repo, "", "");
    request.priority = priority;
    request.patience = visibility_patience;
    request.mirrors_may_answer = false;
    auto answer = co_await upstream_.ask(thread, std::move(request), {}, Follow::same_origin);
    if (!answer || answer->response.status() == 429 || answer->response.status() >= 500) {
        co_return std::nullopt;
    }
    bool is_public = false;
    if (answer->response.status() == 200) {
        const auto body = co_await answer->response.read_all(info_limit_bytes);
        if (!body) co_return std::nullopt;
        const auto facts = facts_of_info(*body);
        if (!facts) co_return std::nullopt;
        is_public = !facts->is_private.value_or(true) && !facts->gated.value_or(true);
    }
    index_.post({PutVisibility{std::string(name_of(repo.kind)), repo.name, is_public, unix_now()}});
    co_return is_public;
}

}  // namespace hubkeep
