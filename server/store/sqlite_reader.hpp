#pragma once
// SqliteReader: one read-only connection with its statements. One thread at a time; it may outlive
// nothing but the SqliteIndex that made it. Every answer is a snapshot of its own. A failed read is
// reported to IndexHealth and counts as "not known".

#include <map>

#include "server/store/index.hpp"
#include "server/store/index_health.hpp"
#include "server/store/sqlite.hpp"

namespace hubkeep {

class SqliteReader : public IndexReader {
  public:
    static Result<std::unique_ptr<SqliteReader>> open(const fs::path& path, IndexHealth& health);

    std::optional<std::string> alias(const Scope& scope) override;
    std::optional<RevisionRow> revision(const Scope& scope, std::string_view revision) override;
    std::vector<std::string> revisions_at(const Scope& scope, std::string_view commit) override;
    std::optional<EntryRow> entry(const Scope& scope, std::string_view commit,
                                  std::string_view path) override;
    std::vector<PathEntry> entries(const Scope& scope, std::string_view commit,
                                   std::string_view folder, bool deep, std::string_view after,
                                   std::size_t limit) override;
    std::vector<PathEntry> entries_by_xet(const Scope& scope, std::string_view commit,
                                          std::string_view xet_prefix, std::size_t limit) override;
    std::vector<std::string> commits_by_xet(const Scope& scope, std::string_view xet_prefix,
                                            std::size_t limit) override;
    bool is_complete(const Scope& scope, std::string_view commit, std::string_view folder,
                     bool deep) override;
    RepoRow repo(const Scope& scope) override;
    std::optional<ListingRow> listing(const Scope& scope, std::string_view key) override;
    std::optional<VisibilityRow> visibility(std::string_view kind, std::string_view name) override;
    std::optional<std::int64_t> proof(std::string_view kind, std::string_view name,
                                      std::string_view who) override;
    std::optional<PinRow> pin(std::string_view kind, std::string_view name,
                              std::string_view revision) override;
    std::vector<StoredPin> pins() override;
    std::optional<BlobRow> blob(const Digest& digest) override;
    std::optional<PartialRow> partial(const Digest& digest) override;
    Totals totals() override;
    std::vector<StoredBlob> blobs_after(const std::optional<Digest>& after,
                                        std::size_t limit) override;
    std::vector<StoredBlob> oldest_blobs(const std::optional<StoredBlob>& after,
                                         std::size_t limit) override;
    std::vector<StoredPartial> partials_after(const std::optional<Digest>& after,
                                              std::size_t limit) override;
    std::vector<StoredPartial> oldest_partials(const std::optional<StoredPartial>& after,
                                               std::size_t limit) override;

  private:
    SqliteReader(Database database, IndexHealth& health)
        : database_(std::move(database)), health_(health) {}
    Result<void> prepare();
    bool next(Query& query);
    std::optional<std::int64_t> scope_id(const Scope& scope);
    std::vector<StoredBlob> blobs(Query& query);
    std::vector<StoredPartial> partials(Query& query);

    Database database_;
    IndexHealth& health_;
    // Ids of scopes never change and are never given away again, so they may be remembered.
    std::map<Scope, std::int64_t> scopes_;

    Statement scope_, alias_, revision_, revisions_at_, entry_, entries_, entries_by_xet_,
        commits_by_xet_, complete_, repo_, listing_, visibility_, proof_;
    Statement pin_, pins_, blob_, partial_, total_;
    Statement blobs_after_, oldest_blobs_, partials_after_, oldest_partials_;
};

}  // namespace hubkeep
