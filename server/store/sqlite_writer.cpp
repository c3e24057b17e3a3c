#include "server/store/sqlite_writer.hpp"

#include <fmt/format.h>

#include "server/store/schema.hpp"
#include "server/store/sqlite_rows.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_remembered_scopes = 4096;
constexpr int max_prune_steps = 16;

std::int64_t as_integer(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

// A lost last commit costs one more request to the Hub, so the log is not synced at each.
constexpr const char* settings =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;";

Result<void> look_for_damage(Database& database, const fs::path& path) {
    const auto verdict = database.word("PRAGMA quick_check(1)");
    if (!verdict) return std::unexpected(verdict.error());
    if (*verdict == "ok") return {};
    return fail(ErrorKind::corrupt, fmt::format("{} is damaged: {}", path.string(), *verdict));
}

}  // namespace

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::open(const fs::path& path, bool examine) {
    {
        // SQLite would make the file readable for others; its log takes the same mode. Closed
        // before SQLite opens it: closing any descriptor of the file later would drop its locks.
        const auto made = File::open_write(path);
        if (!made) return std::unexpected(made.error());
    }
    auto database = Database::open(path, Database::Mode::read_write);
    if (!database) return std::unexpected(database.error());
    const auto set = database->run(settings);
    if (!set) return std::unexpected(set.error());
    const auto migrated = migrate(*database, path);
    if (!migrated) return std::unexpected(migrated.error());
    if (examine) {
        const auto sound = look_for_damage(*database, path);
        if (!sound) return std::unexpected(sound.error());
    }
    std::unique_ptr<SqliteWriter> writer(new SqliteWriter(std::move(*database)));
    const auto prepared = writer->prepare();
    if (!prepared) return std::unexpected(prepared.error());
    return writer;
}

Result<void> SqliteWriter::prepare() {
    const std::pair<Statement&, const char*> all[] = {
        {find_scope_, "SELECT id FROM scope WHERE kind=? AND name=? AND access=?"},
        {add_scope_, "INSERT INTO scope (kind, name, access) VALUES (?, ?, ?) RETURNING id"},
        {drop_oldest_listings_,
         "DELETE FROM listing WHERE id IN "
         "(SELECT id FROM listing ORDER BY fetched_at LIMIT 64) RETURNING id"},
        {put_alias_, "REPLACE INTO alias (scope, canonical) VALUES (?, ?)"},
        {put_revision_,
         "REPLACE INTO revision (scope, name, commit_id, confirmed_at) "
         "VALUES (?, ?, ?, ?)"},
        {drop_revision_, "DELETE FROM revision WHERE scope=? AND name=?"},
        {put_entry_,
         "REPLACE INTO entry (scope, commit_id, path, absent, digest, size) "
         "VALUES (?, ?, ?, ?, ?, ?)"},
        {put_listing_,
         "REPLACE INTO listing (scope, key, status, content_type, body, link, "
         "error_code, error_message, commit_id, fetched_at) "
         "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
        {put_visibility_,
         "REPLACE INTO visibility (kind, name, is_public, at) VALUES (?, ?, ?, ?)"},
        {put_blob_, "REPLACE INTO blob (digest, size, last_used) VALUES (?, ?, ?)"},
        {drop_blob_, "DELETE FROM blob WHERE digest=?"},
        {touch_blob_, "UPDATE blob SET last_used=? WHERE digest=?"},
        {put_partial_,
         "REPLACE INTO partial (digest, size, present, extents, updated_at, "
         "generation) VALUES (?, ?, ?, ?, ?, ?)"},
        {drop_partial_, "DELETE FROM partial WHERE digest=?"},
    };
    for (const auto& [statement, sql] : all) {
        auto prepared = database_.prepare(sql);
        if (!prepared) return std::unexpected(prepared.error());
        statement = std::move(*prepared);
    }
    return {};
}

Result<void> SqliteWriter::commit(std::span<const std::vector<IndexWrite>* const> batch) {
    const auto all = [&]() -> Result<void> {
        auto transaction = Transaction::begin(database_);
        if (!transaction) return std::unexpected(transaction.error());
        for (const auto* writes : batch) {
            for (const auto& write : *writes) {
                const auto done = std::visit([this](const auto& w) { return apply(w); }, write);
                if (!done) return done;
            }
        }
        return transaction->commit();
    };
    const auto committed = all();
    if (!committed || scopes_.size() > max_remembered_scopes) scopes_.clear();
    return committed;
}

Result<bool> SqliteWriter::prune(std::uint64_t max_bytes) {
    bool pruned = false;
    for (int step = 0; step < max_prune_steps; ++step) {
        const auto pages = database_.number("PRAGMA page_count");
        const auto unused = database_.number("PRAGMA freelist_count");
        const auto page_bytes = database_.number("PRAGMA page_size");
        for (const auto* const number : {&pages, &unused, &page_bytes}) {
            if (!*number) return std::unexpected(number->error());
        }
        if (static_cast<std::uint64_t>((*pages - *unused) * *page_bytes) <= max_bytes) break;
        Query query(drop_oldest_listings_);
        const auto taken = query.next();
        if (!taken) return std::unexpected(taken.error());
        if (!*taken) break;  // what is left are rows that cost little each
        pruned = true;
    }
    return pruned;
}

Result<void> SqliteWriter::checkpoint() {
    return database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

Result<std::int64_t> SqliteWriter::scope_id(const Scope& scope) {
    if (const auto known = scopes_.find(scope); known != scopes_.end()) return known->second;
    for (Statement* const statement : {&find_scope_, &add_scope_}) {
        Query query(*statement);
        query.bind_text(scope.kind).bind_text(scope.name).bind_text(scope.access);
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (*row) return scopes_.emplace(scope, query.integer(0)).first->second;
    }
    return fail(ErrorKind::io, "the index gave no number to " + scope.name);
}

Result<void> SqliteWriter::apply(const PutAlias& write) {
    const auto scope = scope_id(write.scope);
    if (!scope) return std::unexpected(scope.error());
    return Query(put_alias_).bind(*scope).bind_text(write.canonical).run();
}

Result<void> SqliteWriter::apply(const PutRevision& write) {
    const auto scope = scope_id(write.scope);
    if (!scope) return std::unexpected(scope.error());
    return Query(put_revision_)
        .bind(*scope)
        .bind_text(write.revision)
        .bind_text(write.row.commit)
        .bind(write.row.confirmed_at)
        .run();
}

Result<void> SqliteWriter::apply(const DropRevision& write) {
    const auto scope = scope_id(write.scope);
    if (!scope) return std::unexpected(scope.error());
    return Query(drop_revision_).bind(*scope).bind_text(write.revision).run();
}

Result<void> SqliteWriter::apply(const PutEntry& write) {
    const auto scope = scope_id(write.scope);
    if (!scope) return std::unexpected(scope.error());
    const auto key = write.row.blob ? digest_key(*write.row.blob) : std::string();
    Query query(put_entry_);
    query.bind(*scope).bind_text(write.commit).bind_text(write.path).bind(write.row.absent);
    if (write.row.blob) query.bind_bytes(key);
    else query.bind_null();
    return query.bind(as_integer(write.row.size)).run();
}

Result<void> SqliteWriter::apply(const PutListing& write) {
    const auto scope = scope_id(write.scope);
    if (!scope) return std::unexpected(scope.error());
    return Query(put_listing_)
        .bind(*scope)
        .bind_text(write.key)
        .bind(write.row.status)
        .bind_text(write.row.content_type)
        .bind_bytes(write.row.body)
        .bind_text(write.row.link)
        .bind_text(write.row.error_code)
        .bind_text(write.row.error_message)
        .bind_text(write.row.commit)
        .bind(write.row.fetched_at)
        .run();
}

Result<void> SqliteWriter::apply(const PutVisibility& write) {
    return Query(put_visibility_)
        .bind_text(write.kind)
        .bind_text(write.name)
        .bind(write.is_public)
        .bind(write.at)
        .run();
}

Result<void> SqliteWriter::apply(const PutBlob& write) {
    const auto key = digest_key(write.digest);
    const auto put = Query(put_blob_)
                         .bind_bytes(key)
                         .bind(as_integer(write.row.size))
                         .bind(write.row.last_used)
                         .run();
    if (!put) return put;
    return Query(drop_partial_).bind_bytes(key).run();
}

Result<void> SqliteWriter::apply(const DropBlob& write) {
    const auto key = digest_key(write.digest);
    return Query(drop_blob_).bind_bytes(key).run();
}

Result<void> SqliteWriter::apply(const TouchBlobs& write) {
    for (const auto& [digest, at] : write.used) {
        const auto key = digest_key(digest);
        const auto touched = Query(touch_blob_).bind(at).bind_bytes(key).run();
        if (!touched) return touched;
    }
    return {};
}

Result<void> SqliteWriter::apply(const PutPartial& write) {
    const auto key = digest_key(write.digest);
    return Query(put_partial_)
        .bind_bytes(key)
        .bind(as_integer(write.row.size))
        .bind(as_integer(write.row.present))
        .bind_text(write.row.extents)
        .bind(write.row.updated_at)
        .bind(as_integer(write.row.generation))
        .run();
}

Result<void> SqliteWriter::apply(const DropPartial& write) {
    const auto key = digest_key(write.digest);
    return Query(drop_partial_).bind_bytes(key).run();
}

}  // namespace hubkeep
