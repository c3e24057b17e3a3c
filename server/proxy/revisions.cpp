#include "server/proxy/revisions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "common/glob.hpp"
#include "server/hub/freshness.hpp"
#include "server/proxy/patterns.hpp"

namespace hubkeep {
namespace {

// Beyond this many the memory is emptied; the index still has them all.
constexpr std::size_t max_remembered = 100'000;
constexpr std::size_t max_pins = IndexReader::max_pins;
constexpr auto never = std::numeric_limits<std::int64_t>::max();

std::string repo_key(std::string_view kind, std::string_view name) {
    std::string key(kind);
    return key.append("\n").append(name);
}

std::string row_key(const Scope& scope, const std::string& revision) {
    return repo_key(scope.kind, scope.name) + '\n' + scope.access + '\n' + revision;
}

std::string pin_key(std::string_view kind, std::string_view name, const std::string& revision) {
    return repo_key(kind, name) + '\n' + revision;
}

}  // namespace

std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string Revisions::plain(const std::string& revision) {
    constexpr std::string_view heads = "refs/heads/";
    return revision.starts_with(heads) ? revision.substr(heads.size()) : revision;
}

std::vector<std::string> Revisions::names_at(const Scope& scope, const std::string& commit,
                                             IndexReader& reader) {
    const auto prefix = row_key(scope, "");
    auto names = reader.revisions_at(scope, commit);
    // What is newer than the index, which learns a moment later.
    const std::lock_guard lock(mutex_);
    for (const auto& [key, row] : rows_) {
        if (row.row.commit == commit && key.starts_with(prefix)) {
            names.push_back(key.substr(prefix.size()));
        }
    }
    return names;
}

Revisions::Revisions(Index& index, const RevisionSettings& settings, IndexReader& reader)
    : index_(index), settings_(settings) {
    for (const auto& pin : reader.pins()) {
        pins_.emplace(pin_key(pin.kind, pin.name, pin.revision), pin.row.commit);
    }
}

std::chrono::seconds Revisions::ttl_of(const Scope& scope, const std::string& revision) const {
    auto ttl = settings_.ttl;
    if (!settings_.rules.empty()) {
        const RepoId repo{kind_of_name(scope.kind).value_or(RepoKind::model), scope.name};
        const auto applies = [&](const TtlRule& rule) {
            return address_matches(rule.repos, repo) &&
                   glob_matches(rule.revision, plain(revision));
        };
        const auto rule = std::ranges::find_if(settings_.rules, applies);
        if (rule != settings_.rules.end()) ttl = rule->ttl;
    }
    return std::chrono::duration_cast<std::chrono::seconds>(ttl);
}

bool Revisions::is_fresh(const Scope& scope, const std::string& revision, const Row& row) const {
    if (!hubkeep::is_fresh(row.row.confirmed_at, unix_now(), ttl_of(scope, revision))) return false;
    if (row.sequence < all_expired_) return false;
    if (expired_.empty()) return true;
    for (const auto& key :
         {repo_key(scope.kind, scope.name), pin_key(scope.kind, scope.name, revision)}) {
        const auto expired = expired_.find(key);
        if (expired != expired_.end() && row.sequence < expired->second) return false;
    }
    return true;
}

std::optional<Revisions::Known> Revisions::as_known(const Scope& scope, const std::string& revision,
                                                    const Row& row) const {
    if (row.row.commit.empty()) return std::nullopt;
    return Known{.commit = row.row.commit,
                 .confirmed_at = row.row.confirmed_at,
                 .fresh = is_fresh(scope, revision, row),
                 .fresh_until = row.row.confirmed_at + ttl_of(scope, revision).count()};
}

std::optional<Revisions::Known> Revisions::known(const Scope& scope, const std::string& asked,
                                                 IndexReader& reader) {
    const auto revision = plain(asked);
    const auto key = row_key(scope, revision);
    {
        const std::lock_guard lock(mutex_);
        if (!pins_.empty()) {
            const auto pin = pins_.find(pin_key(scope.kind, scope.name, revision));
            if (pin != pins_.end()) return Known{pin->second, unix_now(), true, true, never};
        }
        const auto found = rows_.find(key);
        if (found != rows_.end()) return as_known(scope, revision, found->second);
    }
    const auto row = reader.revision(scope, revision);
    if (!row) return std::nullopt;
    const std::lock_guard lock(mutex_);
    if (rows_.size() >= max_remembered) rows_.clear();
    // Another thread may have put a newer one there meanwhile.
    return as_known(scope, revision, rows_.emplace(key, Row{*row}).first->second);
}

Changes::Mark Revisions::mark(std::string_view repo_name) const {
    return changes_.mark(std::hash<std::string_view>()(repo_name));
}

void Revisions::announce(std::string_view repo_name) {
    changes_.announce(std::hash<std::string_view>()(repo_name));
}

void Revisions::put(const Scope& scope, const std::string& revision, const std::string& commit,
                    std::int64_t confirmed_at) {
    const RevisionRow row{commit, confirmed_at};
    if (rows_.size() >= max_remembered) rows_.clear();
    rows_[row_key(scope, revision)] = Row{row, ++sequence_};
    announce(scope.name);
    index_.post({PutRevision{scope, revision, row}});
}

std::string Revisions::confirmed(const Scope& scope, const std::string& asked,
                                 const std::string& commit) {
    const auto revision = plain(asked);
    const std::lock_guard lock(mutex_);
    const auto found = rows_.find(row_key(scope, revision));
    if (found != rows_.end() && is_fresh(scope, revision, found->second)) {
        return found->second.row.commit;
    }
    put(scope, revision, commit, unix_now());
    return commit;
}

void Revisions::replaced(const Scope& scope, const std::string& revision,
                         const std::string& commit) {
    const std::lock_guard lock(mutex_);
    put(scope, plain(revision), commit, unix_now());
}

std::string Revisions::heard(const Scope& scope, const std::string& asked,
                             const std::string& commit) {
    const auto revision = plain(asked);
    const std::lock_guard lock(mutex_);
    const auto found = rows_.find(row_key(scope, revision));
    if (found != rows_.end() && is_fresh(scope, revision, found->second)) {
        return found->second.row.commit;
    }
    if (found == rows_.end() || found->second.row.commit != commit) put(scope, revision, commit, 0);
    return commit;
}

void Revisions::gone(const Scope& scope, const std::string& asked) {
    const auto revision = plain(asked);
    {
        const std::lock_guard lock(mutex_);
        if (rows_.size() >= max_remembered) rows_.clear();
        rows_[row_key(scope, revision)] = Row{};
        announce(scope.name);
    }
    index_.post({DropRevision{scope, revision}});
}

void Revisions::expire(const Scope& scope, const std::string& revision) {
    const std::lock_guard lock(mutex_);
    if (expired_.size() >= max_remembered) {
        expired_.clear();
        all_expired_ = ++sequence_;
        changes_.announce_all();
    }
    const auto key = revision.empty() ? repo_key(scope.kind, scope.name)
                                      : pin_key(scope.kind, scope.name, plain(revision));
    expired_[key] = ++sequence_;
    announce(scope.name);
}

Task<Result<void>> Revisions::pin(RepoId repo, std::string asked, std::string commit) {
    const auto revision = plain(asked);
    const std::string kind(name_of(repo.kind));
    {
        const std::lock_guard lock(mutex_);
        if (pins_.size() >= max_pins) {
            co_return fail(ErrorKind::limited,
                           fmt::format("there are {} pins already; take one away first", max_pins));
        }
    }
    auto written = co_await index_.write({PutPin{kind, repo.name, revision, {commit, unix_now()}}});
    if (!written) co_return written;
    const std::lock_guard lock(mutex_);
    pins_[pin_key(kind, repo.name, revision)] = std::move(commit);
    announce(repo.name);
    co_return written;
}

Task<Result<void>> Revisions::unpin(RepoId repo, std::string asked) {
    const auto revision = plain(asked);
    const std::string kind(name_of(repo.kind));
    auto written = co_await index_.write({DropPin{kind, repo.name, revision}});
    if (!written) co_return written;
    const std::lock_guard lock(mutex_);
    pins_.erase(pin_key(kind, repo.name, revision));
    announce(repo.name);
    co_return written;
}

}  // namespace hubkeep
