#include "server/store/sqlite_writer.hpp"

#include <fmt/format.h>

#include "server/store/schema.hpp"
#include "server/store/sqlite_rows.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_remembered_scopes = 4096;
constexpr int max_prune_steps = 16;
constexpr std::int64_t entries_per_prune_step = 2048;

std::int64_t as_integer(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

// A lost last commit costs one more request to the Hub, so the log is not synced at each. Nothing
// in the index is secret, so what leaves need not be overwritten, which some builds of SQLite do.
constexpr const char* settings =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864; "
    "PRAGMA secure_delete=FAST;";

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
        const auto taken = drop_oldest();
        if (!taken) return std::unexpected(taken.error());
        if (!*taken) break;  // what is left are rows that cost little each
        pruned = true;
    }
    return pruned;
}

// False when there is nothing left to take.
Result<bool> SqliteWriter::drop_oldest() {
    std::optional<std::int64_t> listing_at;
    std::optional<std::int64_t> commit_at;
    std::int64_t scope = 0;
    std::string commit;
    {
        Query query(oldest_listing_);
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (*row) listing_at = query.integer(0);
    }
    {
        Query query(oldest_commit_);
        const auto row = query.next();
        if (!row) return std::unexpected(row.error());
        if (*row) {
            commit_at = query.integer(0);
            scope = query.integer(1);
            commit = query.text(2);
        }
    }
    if (!listing_at && !commit_at) return false;
    const bool listings_first = listing_at && (!commit_at || *listing_at <= *commit_at);
    const auto dropped =
        listings_first ? Query(drop_oldest_listings_).run() : drop_some_of_commit(scope, commit);
    if (!dropped) return std::unexpected(dropped.error());
    return true;
}

// A commit of many entries takes several turns; no listing of it is complete from the first on.
Result<void> SqliteWriter::drop_some_of_commit(std::int64_t scope, const std::string& commit) {
    auto transaction = Transaction::begin(database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto trees = Query(drop_trees_).bind(scope).bind_text(commit).run();
    if (!trees) return trees;
    const auto entries =
        Query(drop_entries_).bind(scope).bind_text(commit).bind(entries_per_prune_step).run();
    if (!entries) return entries;
    const auto known = Query(drop_known_commit_).bind(scope).bind_text(commit).run();
    if (!known) return known;
    return transaction->commit();
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
    const auto canonical = scope_id({write.scope.kind, write.canonical, write.scope.access});
    if (!canonical) return std::unexpected(canonical.error());
    // What was learnt before the repo got its new name is found under that from now on.
    for (auto* const move : {&move_revisions_, &move_entries_, &move_commits_, &move_trees_,
                             &move_repo_, &move_listings_}) {
        const auto moved = Query(*move).bind(*canonical).bind(*scope).run();
        if (!moved) return moved;
    }
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

Result<void> SqliteWriter::see_commit(std::int64_t scope, const std::string& commit,
                                      std::int64_t at) {
    return Query(see_commit_).bind(scope).bind_text(commit).bind(at).run();
}

Result<void> SqliteWriter::put_entry(std::int64_t scope, const std::string& commit,
                                     const PathEntry& entry) {
    const auto& row = entry.row;
    const auto digest = row.blob ? digest_key(*row.blob) : std::string();
    const auto oid = row.oid ? digest_key(*row.oid) : std::string();
    Query query(put_entry_);
    query.bind(scope).bind_text(commit).bind_text(entry.path);
    query.bind(static_cast<std::int64_t>(row.kind));
    if (row.blob) query.bind_bytes(digest);
    else query.bind_null();
    query.bind(as_integer(row.size));
    if (row.oid) query.bind_bytes(oid);
    else query.bind_null();
    query.bind(as_integer(row.pointer_size)).bind_text(row.xet_hash).bind(row.opened);
    return query.bind(row.xet_told).run();
}

Result<void> SqliteWriter::apply(const PutEntries& write) {
    const auto scope = scope_id(write.scope);
    if (!scope) return std::unexpected(scope.error());
    const auto seen = see_commit(*scope, write.commit, write.at);
    if (!seen) return seen;
    bool opened = false;
    for (const auto& entry : write.entries) {
        const auto put = put_entry(*scope, write.commit, entry);
        if (!put) return put;
        opened = opened || (entry.row.opened && entry.row.kind == EntryKind::file);
    }
    if (!opened) return {};
    return Query(put_opened_).bind(*scope).run();
}

// A row of `tree` says: from `page` on, everything before `next` was put. Rows that touch become
// one. Two first pages of different lengths begin two rows.
Result<void> SqliteWriter::apply(const PutTreePage& write) {
    const auto scope = scope_id(write.scope);
    if (!scope) return std::unexpected(scope.error());
    const auto seen = see_commit(*scope, write.commit, write.at);
    if (!seen) return seen;
    const auto bind_folder = [&](Query& query) -> Query& {
        return query.bind(*scope).bind_text(write.commit).bind_text(write.folder).bind(write.deep);
    };
    const auto is_complete = [&]() -> Result<bool> {
        Query query(complete_);
        return bind_folder(query).next();
    };
    const auto complete = is_complete();
    if (!complete) return std::unexpected(complete.error());
    if (*complete) return {};
    auto next = write.next;
    if (!next.empty()) {
        Query query(following_pages_);
        const auto follows = bind_folder(query).bind_text(write.next).next();
        if (!follows) return std::unexpected(follows.error());
        if (*follows) next = query.text(0);
    }
    bool extended = false;
    if (!write.first) {
        Query query(extend_pages_);
        const auto row = bind_folder(query).bind_text(next).bind_text(write.page).next();
        if (!row) return std::unexpected(row.error());
        extended = *row;
    }
    if (!extended) {
        const auto name = write.first ? write.page + '\n' + write.next : write.page;
        Query query(put_page_);
        const auto put = bind_folder(query).bind_text(name).bind(write.first).bind_text(next).run();
        if (!put) return put;
    }
    const auto completed = is_complete();
    if (!completed) return std::unexpected(completed.error());
    if (!*completed) return {};
    Query query(drop_other_pages_);
    return bind_folder(query).run();
}

Result<void> SqliteWriter::apply(const PutGated& write) {
    const auto scope = scope_id(write.scope);
    if (!scope) return std::unexpected(scope.error());
    return Query(put_gated_).bind(*scope).bind(write.gated).run();
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
        .bind_text(write.row.headers)
        .run();
}

Result<void> SqliteWriter::apply(const PutVisibility& write) {
    return Query(put_visibility_)
        .bind_text(write.kind)
        .bind_text(write.name)
        .bind(static_cast<std::int64_t>(write.row.visibility))
        .bind_text(write.row.canonical)
        .bind(write.row.at)
        .run();
}

Result<void> SqliteWriter::apply(const PutProof& write) {
    const auto forgotten = Query(forget_proofs_).bind(write.forget_before).run();
    if (!forgotten) return forgotten;
    return Query(put_proof_)
        .bind_text(write.kind)
        .bind_text(write.name)
        .bind_text(write.who)
        .bind(write.at)
        .run();
}

Result<void> SqliteWriter::apply(const DropProof& write) {
    return Query(drop_proof_)
        .bind_text(write.kind)
        .bind_text(write.name)
        .bind_text(write.who)
        .run();
}

Result<void> SqliteWriter::apply(const PutPin& write) {
    return Query(put_pin_)
        .bind_text(write.kind)
        .bind_text(write.name)
        .bind_text(write.revision)
        .bind_text(write.row.commit)
        .bind(write.row.at)
        .run();
}

Result<void> SqliteWriter::apply(const DropPin& write) {
    return Query(drop_pin_)
        .bind_text(write.kind)
        .bind_text(write.name)
        .bind_text(write.revision)
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
        for (auto* const touch : {&touch_blob_, &touch_partial_}) {
            const auto touched = Query(*touch).bind(at).bind_bytes(key).run();
            if (!touched) return touched;
        }
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
