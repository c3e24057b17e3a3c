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
    // Takes the listings out that were fetched longest ago, until the rows take no more than
    // `max_bytes` or it has taken long enough. True when something was taken.
    Result<bool> prune(std::uint64_t max_bytes);
    // Moves everything from the log into the database and empties the log.
    Result<void> checkpoint();

  private:
    explicit SqliteWriter(Database database) : database_(std::move(database)) {}
    Result<void> prepare();
    Result<std::int64_t> scope_id(const Scope& scope);

    Result<void> apply(const PutAlias& write);
    Result<void> apply(const PutRevision& write);
    Result<void> apply(const DropRevision& write);
    Result<void> apply(const PutEntry& write);
    Result<void> apply(const PutListing& write);
    Result<void> apply(const PutVisibility& write);
    Result<void> apply(const PutBlob& write);
    Result<void> apply(const DropBlob& write);
    Result<void> apply(const TouchBlobs& write);
    Result<void> apply(const PutPartial& write);
    Result<void> apply(const DropPartial& write);

    Database database_;
    // Of committed scopes and those of the running transaction; forgotten when that fails.
    std::map<Scope, std::int64_t> scopes_;

    Statement find_scope_, add_scope_;
    Statement drop_oldest_listings_;
    Statement put_alias_, put_revision_, drop_revision_, put_entry_, put_listing_, put_visibility_;
    Statement put_blob_, drop_blob_, touch_blob_, put_partial_, drop_partial_;
};

}  // namespace hubkeep
