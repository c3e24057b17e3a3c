#pragma once
// Revisions: which commit each branch and tag points at, and when that was last confirmed. Kept in
// memory in front of the index, so that a hit costs no read. Any thread. Confirmed means that the
// Hub said so; a commit needs no confirmation ever. While a confirmation is fresh it is the one
// truth: a later answer of the Hub does not replace it, so that all answers within a ttl are about
// one commit. What the operator has pinned is always fresh, and never moves.

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "config/settings.hpp"
#include "server/hub/names.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

class Revisions {
  public:
    // Takes over the pins that the index has.
    Revisions(Index& index, const RevisionSettings& settings, IndexReader& reader);

    struct Known {
        std::string commit;
        std::int64_t confirmed_at = 0;
        bool fresh = false;
        bool pinned = false;
        std::int64_t fresh_until = 0;  // seconds since 1970, when it is fresh
    };
    // Taken before known(), it holds as long as that says the same, but for what time does.
    Changes::Mark mark(std::string_view repo_name) const;
    std::optional<Known> known(const Scope& scope, const std::string& revision,
                               IndexReader& reader);
    // The Hub named this commit. Returns the one that counts.
    std::string confirmed(const Scope& scope, const std::string& revision,
                          const std::string& commit);
    // The same where the newest word counts, because somebody asked for it.
    void replaced(const Scope& scope, const std::string& revision, const std::string& commit);
    // Another hubkeep named it, and could not confirm it itself: known, but not fresh. Returns the
    // one that counts.
    std::string heard(const Scope& scope, const std::string& revision, const std::string& commit);
    // The Hub says that there is no such revision any more, or that it is closed.
    void gone(const Scope& scope, const std::string& revision);
    // What was confirmed until now is not fresh any more, for every group of clients. An empty
    // revision means all of the repo's.
    void expire(const Scope& scope, const std::string& revision);
    // Branches and tags that are known to point at the commit.
    std::vector<std::string> names_at(const Scope& scope, const std::string& commit,
                                      IndexReader& reader);
    // "refs/heads/main" and "main" are one branch.
    static std::string plain(const std::string& revision);
    std::chrono::seconds ttl_of(const Scope& scope, const std::string& revision) const;

    // Pins hold for every group of clients. They are in force when the write is committed.
    Task<Result<void>> pin(RepoId repo, std::string revision, std::string commit);
    Task<Result<void>> unpin(RepoId repo, std::string revision);

  private:
    struct Row {
        RevisionRow row;             // without a commit: gone, whatever the index still says
        std::uint64_t sequence = 0;  // of its confirmation; 0 when it was read from the index
    };
    std::optional<Known> as_known(const Scope& scope, const std::string& revision,
                                  const Row& row) const;
    bool is_fresh(const Scope& scope, const std::string& revision, const Row& row) const;
    void put(const Scope& scope, const std::string& revision, const std::string& commit,
             std::int64_t confirmed_at);
    void announce(std::string_view repo_name);

    Index& index_;
    const RevisionSettings& settings_;
    Changes changes_;  // of repos by their names, announced with mutex_ held
    std::mutex mutex_;
    std::unordered_map<std::string, Row> rows_;
    std::uint64_t sequence_ = 0;
    std::unordered_map<std::string, std::uint64_t> expired_;  // at which sequence
    std::uint64_t all_expired_ = 0;
    std::map<std::string, std::string> pins_;
};

std::int64_t unix_now();

}  // namespace hubkeep
