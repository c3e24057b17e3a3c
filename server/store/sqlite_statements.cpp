#include "server/store/sqlite_writer.hpp"

namespace hubkeep {

Result<void> SqliteWriter::prepare() {
    for (const auto prepare : {&SqliteWriter::prepare_knowledge, &SqliteWriter::prepare_trees,
                               &SqliteWriter::prepare_pruning, &SqliteWriter::prepare_blobs}) {
        const auto prepared = (this->*prepare)();
        if (!prepared) return prepared;
    }
    return {};
}

Result<void> SqliteWriter::prepare(
    std::initializer_list<std::pair<Statement&, const char*>> statements) {
    for (const auto& [statement, sql] : statements) {
        auto prepared = database_.prepare(sql);
        if (!prepared) return std::unexpected(prepared.error());
        statement = std::move(*prepared);
    }
    return {};
}

Result<void> SqliteWriter::prepare_knowledge() {
    return prepare({
        {find_scope_, "SELECT id FROM scope WHERE kind=? AND name=? AND access=?"},
        {add_scope_, "INSERT INTO scope (kind, name, access) VALUES (?, ?, ?) RETURNING id"},
        {move_revisions_, "UPDATE OR IGNORE revision SET scope=? WHERE scope=?"},
        {move_entries_, "UPDATE OR IGNORE entry SET scope=? WHERE scope=?"},
        {move_commits_, "UPDATE OR IGNORE known_commit SET scope=? WHERE scope=?"},
        {move_trees_, "UPDATE OR IGNORE tree SET scope=? WHERE scope=?"},
        {move_repo_, "UPDATE OR IGNORE repo SET scope=? WHERE scope=?"},
        {move_listings_, "UPDATE OR IGNORE listing SET scope=? WHERE scope=?"},
        {put_alias_, "REPLACE INTO alias (scope, canonical) VALUES (?, ?)"},
        {put_revision_,
         "REPLACE INTO revision (scope, name, commit_id, confirmed_at) "
         "VALUES (?, ?, ?, ?)"},
        {drop_revision_, "DELETE FROM revision WHERE scope=? AND name=?"},
        {put_gated_,
         "INSERT INTO repo (scope, gated, opened) VALUES (?, ?, 0) ON CONFLICT (scope) DO UPDATE "
         "SET opened = CASE WHEN gated=0 AND excluded.gated=1 THEN 0 ELSE opened END, "
         "gated=excluded.gated"},
        {put_opened_,
         "INSERT INTO repo (scope, gated, opened) VALUES (?, NULL, 1) "
         "ON CONFLICT (scope) DO UPDATE SET opened=1 WHERE opened=0"},
        {put_listing_,
         "REPLACE INTO listing (scope, key, status, content_type, body, link, "
         "error_code, error_message, commit_id, fetched_at, headers) "
         "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
        {put_visibility_,
         "REPLACE INTO visibility (kind, name, level, canonical, at) VALUES (?, ?, ?, ?, ?)"},
        {put_proof_, "REPLACE INTO proof (kind, name, who, at) VALUES (?, ?, ?, ?)"},
        {drop_proof_, "DELETE FROM proof WHERE kind=? AND name=? AND who=?"},
        {forget_proofs_, "DELETE FROM proof WHERE at<?"},
        {put_pin_, "REPLACE INTO pin (kind, name, revision, commit_id, at) VALUES (?, ?, ?, ?, ?)"},
        {drop_pin_, "DELETE FROM pin WHERE kind=? AND name=? AND revision=?"},
    });
}

// A commit never changes: what is there is never declared absent, and facts only add up.
Result<void> SqliteWriter::prepare_trees() {
    return prepare({
        {see_commit_,
         "INSERT INTO known_commit (scope, commit_id, at) VALUES (?, ?, ?) "
         "ON CONFLICT (scope, commit_id) DO UPDATE SET at=excluded.at WHERE at<excluded.at"},
        {put_entry_,
         "INSERT INTO entry (scope, commit_id, path, kind, digest, size, oid, pointer_size, "
         "xet_hash, opened, xet_told) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
         "ON CONFLICT (scope, commit_id, path) DO UPDATE SET kind=excluded.kind, "
         "digest=coalesce(excluded.digest, digest), size=excluded.size, "
         "oid=coalesce(excluded.oid, oid), pointer_size=max(excluded.pointer_size, pointer_size), "
         "xet_hash=CASE excluded.xet_hash WHEN '' THEN xet_hash ELSE excluded.xet_hash END, "
         "opened=max(excluded.opened, opened), xet_told=max(excluded.xet_told, xet_told) WHERE "
         "excluded.kind<>1 OR kind=1"},
        {complete_,
         "SELECT 1 FROM tree WHERE scope=? AND commit_id=? AND folder=? AND deep=? "
         "AND first=1 AND next=''"},
        {following_pages_,
         "DELETE FROM tree WHERE scope=? AND commit_id=? AND folder=? AND deep=? "
         "AND first=0 AND page=? RETURNING next"},
        {extend_pages_,
         "UPDATE tree SET next=?5 WHERE scope=?1 AND commit_id=?2 AND folder=?3 AND deep=?4 "
         "AND next=?6 RETURNING first"},
        {put_page_,
         "INSERT INTO tree (scope, commit_id, folder, deep, page, first, next) "
         "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"},
        {drop_other_pages_,
         "DELETE FROM tree WHERE scope=? AND commit_id=? AND folder=? AND deep=? "
         "AND NOT (first=1 AND next='')"},
    });
}

Result<void> SqliteWriter::prepare_pruning() {
    return prepare({
        {oldest_listing_, "SELECT fetched_at FROM listing ORDER BY fetched_at LIMIT 1"},
        {oldest_commit_, "SELECT at, scope, commit_id FROM known_commit ORDER BY at LIMIT 1"},
        {drop_oldest_listings_,
         "DELETE FROM listing WHERE id IN "
         "(SELECT id FROM listing ORDER BY fetched_at LIMIT 64)"},
        {drop_trees_, "DELETE FROM tree WHERE scope=? AND commit_id=?"},
        {drop_entries_,
         // Any text is less than any blob.
         "DELETE FROM entry WHERE scope=?1 AND commit_id=?2 AND path<coalesce((SELECT path "
         "FROM entry WHERE scope=?1 AND commit_id=?2 ORDER BY path LIMIT 1 OFFSET ?3), x'')"},
        {drop_known_commit_,
         "DELETE FROM known_commit WHERE scope=?1 AND commit_id=?2 AND NOT EXISTS "
         "(SELECT 1 FROM entry WHERE scope=?1 AND commit_id=?2)"},
    });
}

// REPLACE would take out a row without the triggers that count.
Result<void> SqliteWriter::prepare_blobs() {
    return prepare({
        {put_blob_,
         "INSERT INTO blob (digest, size, last_used) VALUES (?, ?, ?) "
         "ON CONFLICT (digest) DO UPDATE SET size=excluded.size, last_used=excluded.last_used"},
        {drop_blob_, "DELETE FROM blob WHERE digest=?"},
        {touch_blob_, "UPDATE blob SET last_used=? WHERE digest=?"},
        {touch_partial_, "UPDATE partial SET updated_at=max(updated_at, ?) WHERE digest=?"},
        {put_partial_,
         "INSERT INTO partial (digest, size, present, extents, updated_at, generation) "
         "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET size=excluded.size, "
         "present=excluded.present, extents=excluded.extents, updated_at=excluded.updated_at, "
         "generation=excluded.generation"},
        {drop_partial_, "DELETE FROM partial WHERE digest=?"},
    });
}

}  // namespace hubkeep
