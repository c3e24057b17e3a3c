#include "server/proxy/refusals.hpp"

#include <array>

namespace hubkeep {
namespace {

constexpr std::size_t max_remembered = 10'000;

std::string repo_key(const Scope& scope) {
    return scope.kind + '\n' + scope.name + '\n';
}

// The scope of a public repo is shared by those who have a token and those who have none.
std::string asker_key(const Scope& scope, const Credential& credential) {
    auto key = repo_key(scope) + scope.access + '\n';
    if (!credential.token.empty()) key += credential.token.fingerprint();
    return key + '\n';
}

std::string_view name_of(Refusals::About about) {
    return about == Refusals::About::files ? "files" : "documents";
}

}  // namespace

std::optional<HubError> Refusals::recall(const Scope& scope, const Credential& credential,
                                         About about, const std::string& revision) {
    const std::lock_guard lock(mutex_);
    // Most repos have none, and a fingerprint costs more than a look.
    const auto first = rows_.lower_bound(repo_key(scope));
    if (first == rows_.end() || !first->first.starts_with(repo_key(scope))) return std::nullopt;
    const auto asker = asker_key(scope, credential);
    const auto now = SteadyClock::now();
    for (const auto& what : {std::string("repo"), std::string(name_of(about)), '\n' + revision}) {
        const auto found = rows_.find(asker + what);
        if (found == rows_.end()) continue;
        if (now < found->second.until) return found->second.error;
        rows_.erase(found);
    }
    return std::nullopt;
}

void Refusals::remember(const Scope& scope, const Credential& credential, About about,
                        const std::string& revision, const HubError& error) {
    std::string what(name_of(about));
    if (error.code == "RevisionNotFound") what = '\n' + revision;
    if (error.code == "RepoNotFound") what = "repo";
    // Of documents, one that is closed says nothing about the next: a gated repo describes itself.
    const bool is_gate = error.code == "GatedRepo" && about == About::documents;
    const bool is_whole = takes_away(error) || error.status == 401;
    if (ttl_.count() == 0 || !is_whole || is_gate || what == "\n") return;
    const auto now = SteadyClock::now();
    const std::lock_guard lock(mutex_);
    if (rows_.size() >= max_remembered) {
        std::erase_if(rows_, [&](const auto& row) { return now >= row.second.until; });
    }
    if (rows_.size() >= max_remembered) rows_.clear();
    rows_[asker_key(scope, credential) + what] = {error, now + ttl_};
}

void Refusals::forget(const Scope& scope) {
    const auto key = repo_key(scope);
    const std::lock_guard lock(mutex_);
    auto row = rows_.lower_bound(key);
    while (row != rows_.end() && row->first.starts_with(key)) row = rows_.erase(row);
}

}  // namespace hubkeep
