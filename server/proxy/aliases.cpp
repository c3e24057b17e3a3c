#include "server/proxy/aliases.hpp"

namespace hubkeep {
namespace {

// Beyond this many the memory is emptied; the index still has them all.
constexpr std::size_t max_remembered = 100'000;

std::string key_of(const Scope& scope) {
    return scope.kind + '\n' + scope.name + '\n' + scope.access;
}

std::size_t hash_of(const RepoId& repo) {
    return std::hash<std::string>()(repo.name);
}

}  // namespace

Changes::Mark Aliases::mark(const RepoId& asked) const {
    return changes_.mark(hash_of(asked));
}

Scope Aliases::scope_of(const RepoId& asked, const std::string& access, IndexReader& reader) {
    Scope scope{std::string(name_of(asked.kind)), asked.name, access};
    const auto key = key_of(scope);
    {
        const std::lock_guard lock(mutex_);
        const auto found = names_.find(key);
        if (found != names_.end()) {
            scope.name = found->second;
            return scope;
        }
    }
    const auto canonical = reader.alias(scope).value_or(scope.name);
    const std::lock_guard lock(mutex_);
    if (names_.size() >= max_remembered) names_.clear();
    names_.emplace(key, canonical);
    scope.name = canonical;
    return scope;
}

void Aliases::learn(const RepoId& asked, const std::string& access, const std::string& canonical) {
    const Scope scope{std::string(name_of(asked.kind)), asked.name, access};
    bool was_alias = false;
    {
        const std::lock_guard lock(mutex_);
        auto& name = names_[key_of(scope)];
        if (name == canonical) return;
        was_alias = !name.empty();
        name = canonical;
        changes_.announce(hash_of(asked));
    }
    if (was_alias || canonical != asked.name) index_.post({PutAlias{scope, canonical}});
}

}  // namespace hubkeep
