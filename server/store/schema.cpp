#include "server/store/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace hubkeep {
namespace {

constexpr std::int64_t application_id = 0x48554b50;  // "HUKP"

constexpr auto first_step = R"(
CREATE TABLE scope (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, name TEXT NOT NULL, access TEXT NOT NULL,
    UNIQUE (kind, name, access)
) STRICT;
CREATE TABLE alias (
    scope INTEGER PRIMARY KEY,
    canonical TEXT NOT NULL
) STRICT;
CREATE TABLE revision (
    scope INTEGER NOT NULL, name TEXT NOT NULL,
    commit_id TEXT NOT NULL, confirmed_at INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE entry (
    scope INTEGER NOT NULL, commit_id TEXT NOT NULL, path TEXT NOT NULL,
    absent INTEGER NOT NULL, digest BLOB, size INTEGER NOT NULL,
    PRIMARY KEY (scope, commit_id, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE listing (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL, key TEXT NOT NULL,
    status INTEGER NOT NULL, content_type TEXT NOT NULL, body BLOB NOT NULL, link TEXT NOT NULL,
    error_code TEXT NOT NULL, error_message TEXT NOT NULL,
    commit_id TEXT NOT NULL, fetched_at INTEGER NOT NULL,
    UNIQUE (scope, key)
) STRICT;
CREATE INDEX listing_by_age ON listing (fetched_at);
CREATE TABLE visibility (
    kind TEXT NOT NULL, name TEXT NOT NULL,
    is_public INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE blob (
    digest BLOB PRIMARY KEY,
    size INTEGER NOT NULL, last_used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_by_use ON blob (last_used, digest);
CREATE TABLE partial (
    digest BLOB PRIMARY KEY,
    size INTEGER NOT NULL, present INTEGER NOT NULL, extents TEXT NOT NULL,
    updated_at INTEGER NOT NULL, generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX partial_by_use ON partial (updated_at, digest);
)";

// Entries tell what listings tell, folders included. Until now each was a file's own answer.
constexpr auto second_step = R"(
ALTER TABLE entry RENAME COLUMN absent TO kind;
ALTER TABLE entry ADD COLUMN oid BLOB;
ALTER TABLE entry ADD COLUMN pointer_size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN xet_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE entry ADD COLUMN opened INTEGER NOT NULL DEFAULT 1;
CREATE TABLE known_commit (
    scope INTEGER NOT NULL, commit_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (scope, commit_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_commit_by_age ON known_commit (at);
INSERT INTO known_commit SELECT DISTINCT scope, commit_id, 0 FROM entry;
WITH RECURSIVE parent (scope, commit_id, path) AS (
    SELECT scope, commit_id, rtrim(rtrim(path, replace(path, '/', '')), '/')
    FROM entry WHERE kind=0 AND path LIKE '%/%'
    UNION
    SELECT scope, commit_id, rtrim(rtrim(path, replace(path, '/', '')), '/')
    FROM parent WHERE path LIKE '%/%'
)
REPLACE INTO entry (scope, commit_id, path, kind, size, opened)
    SELECT scope, commit_id, path, 2, 0, 1 FROM parent;
CREATE TABLE tree (
    scope INTEGER NOT NULL, commit_id TEXT NOT NULL, folder TEXT NOT NULL, deep INTEGER NOT NULL,
    page TEXT NOT NULL, first INTEGER NOT NULL, next TEXT NOT NULL,
    PRIMARY KEY (scope, commit_id, folder, deep, page)
) STRICT, WITHOUT ROWID;
CREATE TABLE repo (
    scope INTEGER PRIMARY KEY,
    gated INTEGER, opened INTEGER NOT NULL
) STRICT;
INSERT INTO repo SELECT DISTINCT scope, NULL, 1 FROM entry WHERE kind=0;
ALTER TABLE listing ADD COLUMN headers TEXT NOT NULL DEFAULT '';
CREATE TABLE pin (
    kind TEXT NOT NULL, name TEXT NOT NULL, revision TEXT NOT NULL,
    commit_id TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (kind, name, revision)
) STRICT, WITHOUT ROWID;
)";

// Until now "not public" was one thing, and nobody had to prove anything.
constexpr auto third_step = R"(
DELETE FROM visibility WHERE is_public=0;
ALTER TABLE visibility RENAME COLUMN is_public TO level;
ALTER TABLE visibility ADD COLUMN canonical TEXT NOT NULL DEFAULT '';
CREATE TABLE proof (
    kind TEXT NOT NULL, name TEXT NOT NULL, who TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (kind, name, who)
) STRICT, WITHOUT ROWID;
CREATE INDEX proof_by_age ON proof (at);
)";

// What the store holds is counted as it changes: at ten million rows, counting them takes seconds.
constexpr auto fourth_step = R"(
CREATE TABLE total (
    what TEXT PRIMARY KEY,
    number INTEGER NOT NULL, bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO total SELECT 'blob', count(*), coalesce(sum(size), 0) FROM blob;
INSERT INTO total SELECT 'partial', count(*), coalesce(sum(present), 0) FROM partial;
CREATE TRIGGER blob_added AFTER INSERT ON blob BEGIN
    UPDATE total SET number=number+1, bytes=bytes+new.size WHERE what='blob';
END;
CREATE TRIGGER blob_resized AFTER UPDATE OF size ON blob BEGIN
    UPDATE total SET bytes=bytes+new.size-old.size WHERE what='blob';
END;
CREATE TRIGGER blob_removed AFTER DELETE ON blob BEGIN
    UPDATE total SET number=number-1, bytes=bytes-old.size WHERE what='blob';
END;
CREATE TRIGGER partial_added AFTER INSERT ON partial BEGIN
    UPDATE total SET number=number+1, bytes=bytes+new.present WHERE what='partial';
END;
CREATE TRIGGER partial_resized AFTER UPDATE OF present ON partial BEGIN
    UPDATE total SET bytes=bytes+new.present-old.present WHERE what='partial';
END;
CREATE TRIGGER partial_removed AFTER DELETE ON partial BEGIN
    UPDATE total SET number=number-1, bytes=bytes-old.present WHERE what='partial';
END;
)";

// Who asks over Xet names a file by its hash, in the commit of a token or in another. Eight of its
// digits tell it from nearly all others of its commit, and make the index a quarter smaller than
// all 64 would; still it takes 90 bytes and some 5 us for each file that has one. Until now those
// that files themselves told were dropped.
constexpr auto fifth_step = R"(
ALTER TABLE entry ADD COLUMN xet_told INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entry_by_xet ON entry (scope, substr(xet_hash, 1, 8), commit_id)
    WHERE xet_hash<>'';
)";

constexpr std::array steps = {first_step, second_step, third_step, fourth_step, fifth_step};

}  // namespace

Result<void> migrate(Database& database, const fs::path& path, std::size_t last_step) {
    const auto owner = database.number("PRAGMA application_id");
    if (!owner) return std::unexpected(owner.error());
    const auto version = database.number("PRAGMA user_version");
    if (!version) return std::unexpected(version.error());
    const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
    if (!tables) return std::unexpected(tables.error());
    const bool fresh = *owner == 0 && *version == 0 && *tables == 0;
    if (!fresh && (*owner != application_id || *version == 0)) {
        return fail(ErrorKind::corrupt,
                    fmt::format("{} is not an index of hubkeep", path.string()));
    }
    const auto known = static_cast<std::int64_t>(steps.size());
    if (*version > known) {
        return fail(
            ErrorKind::invalid,
            fmt::format("{} was written by a newer hubkeep (index version {}, this one knows "
                        "{}); run that one, or choose another data folder",
                        path.string(), *version, known));
    }
    const auto last = static_cast<std::int64_t>(std::min(steps.size(), last_step));
    for (auto done = *version; done < last; ++done) {
        auto transaction = Transaction::begin(database);
        if (!transaction) return std::unexpected(transaction.error());
        const auto stamp = fmt::format("PRAGMA application_id={}; PRAGMA user_version={};",
                                       application_id, done + 1);
        const auto changed = database.run(steps[static_cast<std::size_t>(done)] + stamp);
        if (!changed) return changed;
        const auto committed = transaction->commit();
        if (!committed) return committed;
    }
    return {};
}

}  // namespace hubkeep
