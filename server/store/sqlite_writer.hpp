#pragma once
// SqliteWriter: the one connection that writes and checkpoints, with its statements. It belongs to
// whoever opens the index until the writing thread starts, and to that thread from then on.

#include <map>
#include <span>

#include "server/store/index.hpp"
#include "server/store/sqlite.hpp"

namespace hubkeep {

class SqliteWriter {
  public:
    // Opens or makes the database and brings its tables up to date; `examine` looks for damage
    // first.
    static Result<std::unique_ptr<SqliteWriter>> open(const fs::path& path, bool examine);

    // All of them or none.
    Result<void> commit(std::span<const std::vector<IndexWrite>* const> batch);
    // Takes out what was told longest ago, listings or all that is known of a commit, until the
    // rows take no more than `max_bytes` or it has taken long enough. True when something was
    // taken.
    Result<bool> prune(std::uint64_t max_bytes);
    // Moves everything from the log into the database and empties the log.
    Result<void> checkpoint();

  private:
    explicit SqliteWriter(Database database) : database_(std::move(database)) {}
    // In sqlite_statements.cpp.
    Result<void> prepare();
    Result<void> prepare(std::initializer_list<std::pair<Statement&, const char*>> statements);
    Result<void> prepare_knowledge();
    Result<void> prepare_trees();
    Result<void> prepare_pruning();
    Result<void> prepare_blobs();
    Result<std::int64_t> scope_id(const Scope& scope);
    Result<void> see_commit(std::int64_t scope, const std::string& commit, std::int64_t at);
    Result<void> put_entry(std::int64_t scope, const std::string& commit, const PathEntry& entry);
    Result<bool> drop_oldest();
    Result<void> drop_some_of_commit(std::int64_t scope, const std::string& commit);

    Result<void> apply(const PutAlias& write);
    Result<void> apply(const PutRevision& write);
    Result<void> apply(const DropRevision& write);
    Result<void> apply(const PutEntries& write);
    Result<void> apply(const PutTreePage& write);
    Result<void> apply(const PutGated& write);
    Result<void> apply(const PutListing& write);
    Result<void> apply(const PutVisibility& write);
    Result<void> apply(const PutProof& write);
    Result<void> apply(const DropProof& write);
    Result<void> apply(const PutPin& write);
    Result<void> apply(const DropPin& write);
    Result<void> apply(const PutBlob& write);
    Result<void> apply(const DropBlob& write);
    Result<void> apply(const TouchBlobs& write);
    Result<void> apply(const PutPartial& write);
    Result<void> apply(const DropPartial& write);

    Database database_;
    // Of committed scopes and those of the running transaction; forgotten when that fails.
    std::map<Scope, std::int64_t> scopes_;

    Statement find_scope_, add_scope_;
    Statement oldest_listing_, oldest_commit_;
    Statement drop_oldest_listings_, drop_trees_, drop_entries_, drop_known_commit_;
    Statement move_revisions_, move_entries_, move_commits_, move_trees_, move_repo_,
        move_listings_;
    Statement put_alias_, put_revision_, drop_revision_, put_listing_, put_visibility_;
    Statement put_proof_, drop_proof_, forget_proofs_;
    Statement put_entry_, see_commit_, put_opened_, put_gated_, put_pin_, drop_pin_;
    Statement complete_, following_pages_, extend_pages_, put_page_, drop_other_pages_;
    Statement put_blob_, drop_blob_, touch_blob_, touch_partial_, put_partial_, drop_partial_;
};

}  // namespace hubkeep
