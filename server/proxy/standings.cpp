#include "server/proxy/standings.hpp"

#include "server/hub/listing.hpp"
#include "server/hub/route.hpp"
#include "server/proxy/revisions.hpp"

namespace hubkeep {
namespace {

constexpr std::int64_t ttl_seconds = 600;
constexpr auto patience = seconds(2);
constexpr std::size_t info_limit_bytes = 16 * 1024 * 1024;
constexpr std::size_t max_remembered = 100'000;

std::string key_of(const RepoId& repo) {
    return std::string(name_of(repo.kind)) + '\n' + repo.name;
}

Standings::Standing standing_of(const VisibilityRow& row, const RepoId& repo) {
    const bool seen = !row.canonical.empty();
    return {row.visibility, {repo.kind, seen ? row.canonical : repo.name}, seen};
}

}  // namespace

std::optional<VisibilityRow> Standings::recall(IoThread& thread, const RepoId& repo) {
    const auto key = key_of(repo);
    {
        const std::lock_guard lock(mutex_);
        const auto found = rows_.find(key);
        if (found != rows_.end()) return found->second;
    }
    auto row = index_.reader(thread.number()).visibility(name_of(repo.kind), repo.name);
    if (!row) return std::nullopt;
    const std::lock_guard lock(mutex_);
    if (rows_.size() >= max_remembered) rows_.clear();
    // Another thread may have learnt something newer meanwhile.
    return rows_.emplace(key, std::move(*row)).first->second;
}

// Names that do not exist are without number, so they are not written down.
void Standings::remember(IoThread& thread, const RepoId& repo, const VisibilityRow& row) {
    {
        const std::lock_guard lock(mutex_);
        if (rows_.size() >= max_remembered) rows_.clear();
        rows_[key_of(repo)] = row;
    }
    auto& reader = index_.reader(thread.number());
    const bool is_news = row.visibility != Visibility::closed ||
                         reader.visibility(name_of(repo.kind), repo.name).has_value();
    if (!is_news) return;
    index_.post({PutVisibility{std::string(name_of(repo.kind)), repo.name, row}});
}

void Standings::forget_unseen() {
    const std::lock_guard lock(mutex_);
    std::erase_if(rows_, [](const auto& row) { return row.second.canonical.empty(); });
}

std::optional<Standings::Standing> Standings::known(IoThread& thread, const RepoId& repo) {
    const auto row = recall(thread, repo);
    if (!row || unix_now() - row->at >= ttl_seconds) return std::nullopt;
    if (row->visibility == Visibility::closed && !upstream_.worth_asking()) return std::nullopt;
    return standing_of(*row, repo);
}

Task<std::optional<Standings::Standing>> Standings::of(IoThread& thread, RepoId repo,
                                                       Credential credential) {
    if (auto standing = known(thread, repo)) co_return standing;
    auto row = recall(thread, repo);
    const bool can_ask = upstream_.worth_asking();
    // Who could tell a private repo from one that nobody asked for would know that it is there.
    if (row && row->visibility == Visibility::closed && !can_ask) row.reset();
    if (can_ask) {
        const auto priority = row ? Priority::revalidation : Priority::foreground;
        const auto answer = co_await questions_.ask(
            thread.tasks(), key_of(repo),
            [this, &thread, repo, credential, priority] {
                return ask(thread, repo, credential, priority);
            },
            SteadyClock::now() + patience);
        if (answer && answer->value) co_return standing_of(*answer->value, repo);
    }
    if (!row || row->visibility == Visibility::closed) co_return std::nullopt;
    co_return standing_of(*row, repo);
}

Task<std::optional<VisibilityRow>> Standings::ask(IoThread& thread, RepoId repo,
                                                  Credential credential, Priority priority) {
    HubRequest request;
    request.target = repo_info_target(repo, "", "");
    request.priority = priority;
    request.patience = patience;
    request.mirrors_may_answer = false;
    auto answer =
        co_await upstream_.ask(thread, std::move(request), credential, Follow::same_origin);
    if (!answer) co_return std::nullopt;
    const auto status = answer->response.status();
    const auto& headers = answer->response.head().headers;
    const auto get = [&](std::string_view name) { return headers.get(name); };
    // What is not the Hub's own word says nothing about the repo.
    if (status >= 400 && stale_allowed(from_hub(status, get, false))) co_return std::nullopt;
    VisibilityRow row{.at = unix_now()};
    const auto route = parse_route("GET", answer->hub_target);
    if (status < 400 && is_valid_repo_name(route.repo.name)) row.canonical = route.repo.name;
    if (status != 200) {
        remember(thread, repo, row);
        co_return row;
    }
    const auto body = co_await answer->response.read_all(info_limit_bytes);
    if (!body) co_return std::nullopt;
    const auto facts = facts_of_info(*body);
    if (!facts) co_return std::nullopt;
    if (!facts->is_private.value_or(true)) {
        row.visibility = facts->gated.value_or(true) ? Visibility::gated : Visibility::open;
    }
    remember(thread, repo, row);
    co_return row;
}

}  // namespace hubkeep
