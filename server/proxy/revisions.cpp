#include "server/proxy/revisions.hpp"

#include "server/hub/freshness.hpp"

namespace hubkeep {
namespace {

// Beyond this many the memory is emptied; the index still has them all.
constexpr std::size_t max_remembered = 100'000;

}  // namespace

std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string Revisions::key_of(const Scope& scope, const std::string& revision) {
    return scope.kind + '\n' + scope.name + '\n' + scope.access + '\n' + revision;
}

std::optional<Revisions::Known> Revisions::known(const Scope& scope, const std::string& revision,
                                                 IndexReader& reader) {
    const auto key = key_of(scope, revision);
    std::optional<RevisionRow> row;
    {
        const std::lock_guard lock(mutex_);
        const auto found = rows_.find(key);
        if (found != rows_.end()) row = found->second;
    }
    if (!row) {
        row = reader.revision(scope, revision);
        if (!row) return std::nullopt;
        const std::lock_guard lock(mutex_);
        if (rows_.size() >= max_remembered) rows_.clear();
        rows_.emplace(key, *row);
    }
    return Known{row->commit, row->confirmed_at, is_fresh(row->confirmed_at, unix_now(), ttl_)};
}

void Revisions::confirmed(const Scope& scope, const std::string& revision,
                          const std::string& commit) {
    const RevisionRow row{commit, unix_now()};
    {
        const std::lock_guard lock(mutex_);
        if (rows_.size() >= max_remembered) rows_.clear();
        rows_[key_of(scope, revision)] = row;
    }
    index_.post({PutRevision{scope, revision, row}});
}

void Revisions::gone(const Scope& scope, const std::string& revision) {
    {
        const std::lock_guard lock(mutex_);
        rows_.erase(key_of(scope, revision));
    }
    index_.post({DropRevision{scope, revision}});
}

}  // namespace hubkeep
