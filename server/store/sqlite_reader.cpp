#include "server/store/sqlite_reader.hpp"

#include <limits>

#include "server/store/sqlite_rows.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_remembered_scopes = 4096;
// As many of a Xet hash as the index entry_by_xet holds, and all that it has.
constexpr std::size_t indexed_xet_digits = 8, max_xet_digits = 64;

std::int64_t as_limit(std::size_t limit) {
    return static_cast<std::int64_t>(limit);
}
std::uint64_t as_size(std::int64_t value) {
    return static_cast<std::uint64_t>(value);
}

// Columns size, last_used from `first` on, and so forth for the others.
BlobRow read_blob(const Query& query, int first) {
    return {as_size(query.integer(first)), query.integer(first + 1)};
}

PartialRow read_partial(const Query& query, int first) {
    return {.size = as_size(query.integer(first)),
            .present = as_size(query.integer(first + 1)),
            .extents = query.text(first + 2),
            .updated_at = query.integer(first + 3),
            .generation = as_size(query.integer(first + 4))};
}

EntryRow read_entry(const Query& query, int first) {
    EntryRow row;
    row.kind = static_cast<EntryKind>(query.integer(first));
    if (!query.is_null(first + 1)) row.blob = parse_digest_key(query.bytes(first + 1));
    row.size = as_size(query.integer(first + 2));
    if (!query.is_null(first + 3)) row.oid = parse_digest_key(query.bytes(first + 3));
    row.pointer_size = as_size(query.integer(first + 4));
    row.xet_hash = query.text(first + 5);
    row.opened = query.integer(first + 6) != 0;
    row.xet_told = query.integer(first + 7) != 0;
    return row;
}

// What is behind all Xet hashes that begin so, as no digit is 'g'; "" when none can.
std::string end_of_xet(std::string_view prefix) {
    const bool fits = prefix.size() >= indexed_xet_digits && prefix.size() <= max_xet_digits &&
                      prefix.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    return fits ? std::string(prefix) + 'g' : "";
}

}  // namespace

Result<std::unique_ptr<SqliteReader>> SqliteReader::open(const fs::path& path,
                                                         IndexHealth& health) {
    auto database = Database::open(path, Database::Mode::read_only);
    if (!database) return std::unexpected(database.error());
    // Two connections that checkpoint at once can damage the file in SQLite before 3.51.3; readers
    // never do.
    const auto set = database->run("PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0;");
    if (!set) return std::unexpected(set.error());
    std::unique_ptr<SqliteReader> reader(new SqliteReader(std::move(*database), health));
    const auto prepared = reader->prepare();
    if (!prepared) return std::unexpected(prepared.error());
    return reader;
}

Result<void> SqliteReader::prepare() {
    const std::pair<Statement&, const char*> all[] = {
        {scope_, "SELECT id FROM scope WHERE kind=? AND name=? AND access=?"},
        {alias_, "SELECT canonical FROM alias WHERE scope=?"},
        {revision_, "SELECT commit_id, confirmed_at FROM revision WHERE scope=? AND name=?"},
        {revisions_at_, "SELECT name FROM revision WHERE scope=? AND commit_id=?"},
        {entry_,
         "SELECT kind, digest, size, oid, pointer_size, xet_hash, opened, xet_told FROM entry "
         "WHERE scope=? AND commit_id=? AND path=?"},
        {entries_,
         "SELECT path, kind, digest, size, oid, pointer_size, xet_hash, opened, xet_told FROM "
         "entry WHERE scope=? AND commit_id=? AND path>? AND path<? AND kind<>1 ORDER BY path"},
        // Left to itself, SQLite reads the whole commit in the order of the paths.
        {entries_by_xet_,
         "SELECT path, kind, digest, size, oid, pointer_size, xet_hash, opened, xet_told FROM "
         "entry INDEXED BY entry_by_xet WHERE scope=? AND commit_id=? AND substr(xet_hash, 1, 8)=? "
         "AND xet_hash>=? AND xet_hash<? AND xet_hash<>'' ORDER BY path LIMIT ?"},
        {commits_by_xet_,
         "SELECT DISTINCT commit_id FROM entry INDEXED BY entry_by_xet "
         "WHERE scope=? AND substr(xet_hash, 1, 8)=? "
         "AND xet_hash>=? AND xet_hash<? AND xet_hash<>'' LIMIT ?"},
        {complete_,
         "SELECT 1 FROM tree WHERE scope=? AND commit_id=? AND folder=? AND deep=? "
         "AND first=1 AND next=''"},
        {repo_, "SELECT gated, opened FROM repo WHERE scope=?"},
        {listing_,
         "SELECT status, content_type, body, link, error_code, error_message, commit_id, "
         "fetched_at, headers FROM listing WHERE scope=? AND key=?"},
        {visibility_, "SELECT level, canonical, at FROM visibility WHERE kind=? AND name=?"},
        {proof_, "SELECT at FROM proof WHERE kind=? AND name=? AND who=?"},
        {pin_, "SELECT commit_id, at FROM pin WHERE kind=? AND name=? AND revision=?"},
        {pins_,
         "SELECT kind, name, revision, commit_id, at FROM pin "
         "ORDER BY kind, name, revision LIMIT ?"},
        {blob_, "SELECT size, last_used FROM blob WHERE digest=?"},
        {partial_,
         "SELECT size, present, extents, updated_at, generation FROM partial WHERE digest=?"},
        {total_, "SELECT number, bytes FROM total WHERE what=?"},
        {blobs_after_,
         "SELECT digest, size, last_used FROM blob WHERE digest>? ORDER BY digest LIMIT ?"},
        {oldest_blobs_,
         "SELECT digest, size, last_used FROM blob WHERE (last_used, digest)>(?, ?) "
         "ORDER BY last_used, digest LIMIT ?"},
        {partials_after_,
         "SELECT digest, size, present, extents, updated_at, generation "
         "FROM partial WHERE digest>? ORDER BY digest LIMIT ?"},
        {oldest_partials_,
         "SELECT digest, size, present, extents, updated_at, generation FROM partial "
         "WHERE (updated_at, digest)>(?, ?) ORDER BY updated_at, digest LIMIT ?"},
    };
    for (const auto& [statement, sql] : all) {
        auto prepared = database_.prepare(sql);
        if (!prepared) return std::unexpected(prepared.error());
        statement = std::move(*prepared);
    }
    return {};
}

bool SqliteReader::next(Query& query) {
    const auto row = query.next();
    if (row) return *row;
    health_.failed("the index cannot be read", row.error());
    return false;
}

std::optional<std::int64_t> SqliteReader::scope_id(const Scope& scope) {
    if (const auto known = scopes_.find(scope); known != scopes_.end()) return known->second;
    Query query(scope_);
    query.bind_text(scope.kind).bind_text(scope.name).bind_text(scope.access);
    if (!next(query)) return std::nullopt;
    if (scopes_.size() >= max_remembered_scopes) scopes_.clear();
    return scopes_.emplace(scope, query.integer(0)).first->second;
}

std::optional<std::string> SqliteReader::alias(const Scope& scope) {
    const auto id = scope_id(scope);
    if (!id) return std::nullopt;
    Query query(alias_);
    query.bind(*id);
    if (!next(query)) return std::nullopt;
    return query.text(0);
}

std::optional<RevisionRow> SqliteReader::revision(const Scope& scope, std::string_view revision) {
    const auto id = scope_id(scope);
    if (!id) return std::nullopt;
    Query query(revision_);
    query.bind(*id).bind_text(revision);
    if (!next(query)) return std::nullopt;
    return RevisionRow{query.text(0), query.integer(1)};
}

std::vector<std::string> SqliteReader::revisions_at(const Scope& scope, std::string_view commit) {
    std::vector<std::string> names;
    const auto id = scope_id(scope);
    if (!id) return names;
    Query query(revisions_at_);
    query.bind(*id).bind_text(commit);
    while (next(query)) names.push_back(query.text(0));
    return names;
}

std::optional<EntryRow> SqliteReader::entry(const Scope& scope, std::string_view commit,
                                            std::string_view path) {
    const auto id = scope_id(scope);
    if (!id) return std::nullopt;
    Query query(entry_);
    query.bind(*id).bind_text(commit).bind_text(path);
    if (!next(query)) return std::nullopt;
    return read_entry(query, 0);
}

// Rows lie in the order of their paths. One folder is read by stepping over what lies deeper: at
// most two steps for each of its folders.
std::vector<PathEntry> SqliteReader::entries(const Scope& scope, std::string_view commit,
                                             std::string_view folder, bool deep,
                                             std::string_view after, std::size_t limit) {
    std::vector<PathEntry> found;
    const auto id = scope_id(scope);
    if (!id) return found;
    const std::string prefix = folder.empty() ? "" : std::string(folder) + '/';
    // No byte of UTF-8 is 0xff.
    const std::string end = prefix + '\xff';
    std::string begin = std::max(prefix, std::string(after));
    while (found.size() < limit) {
        std::optional<std::string> step_over;
        Query query(entries_);
        query.bind(*id).bind_text(commit).bind_text(begin).bind_text(end);
        while (found.size() < limit && !step_over) {
            if (!next(query)) return found;
            const auto path = query.bytes(0);
            const auto slash = path.find('/', prefix.size());
            if (!deep && slash != std::string_view::npos) {
                step_over = std::string(path.substr(0, slash + 1)) + '\xff';
                break;
            }
            found.push_back({std::string(path), read_entry(query, 1)});
        }
        if (step_over) begin = std::move(*step_over);
    }
    return found;
}

std::vector<PathEntry> SqliteReader::entries_by_xet(const Scope& scope, std::string_view commit,
                                                    std::string_view xet_prefix,
                                                    std::size_t limit) {
    std::vector<PathEntry> found;
    const auto id = scope_id(scope);
    const auto end = end_of_xet(xet_prefix);
    if (!id || end.empty()) return found;
    Query query(entries_by_xet_);
    query.bind(*id).bind_text(commit).bind_text(xet_prefix.substr(0, indexed_xet_digits));
    query.bind_text(xet_prefix).bind_text(end).bind(as_limit(limit));
    while (next(query)) found.push_back({query.text(0), read_entry(query, 1)});
    return found;
}

std::vector<std::string> SqliteReader::commits_by_xet(const Scope& scope,
                                                      std::string_view xet_prefix,
                                                      std::size_t limit) {
    std::vector<std::string> found;
    const auto id = scope_id(scope);
    const auto end = end_of_xet(xet_prefix);
    if (!id || end.empty()) return found;
    Query query(commits_by_xet_);
    query.bind(*id).bind_text(xet_prefix.substr(0, indexed_xet_digits)).bind_text(xet_prefix);
    query.bind_text(end).bind(as_limit(limit));
    while (next(query)) found.push_back(query.text(0));
    return found;
}

bool SqliteReader::is_complete(const Scope& scope, std::string_view commit, std::string_view folder,
                               bool deep) {
    const auto id = scope_id(scope);
    if (!id) return false;
    Query query(complete_);
    query.bind(*id).bind_text(commit).bind_text(folder).bind(deep);
    return next(query);
}

RepoRow SqliteReader::repo(const Scope& scope) {
    const auto id = scope_id(scope);
    if (!id) return {};
    Query query(repo_);
    query.bind(*id);
    if (!next(query)) return {};
    RepoRow row{.opened = query.integer(1) != 0};
    if (!query.is_null(0)) row.gated = query.integer(0) != 0;
    return row;
}

std::optional<ListingRow> SqliteReader::listing(const Scope& scope, std::string_view key) {
    const auto id = scope_id(scope);
    if (!id) return std::nullopt;
    Query query(listing_);
    query.bind(*id).bind_text(key);
    if (!next(query)) return std::nullopt;
    return ListingRow{.status = static_cast<int>(query.integer(0)),
                      .content_type = query.text(1),
                      .body = query.text(2),
                      .link = query.text(3),
                      .error_code = query.text(4),
                      .error_message = query.text(5),
                      .commit = query.text(6),
                      .fetched_at = query.integer(7),
                      .headers = query.text(8)};
}

std::optional<VisibilityRow> SqliteReader::visibility(std::string_view kind,
                                                      std::string_view name) {
    Query query(visibility_);
    query.bind_text(kind).bind_text(name);
    if (!next(query)) return std::nullopt;
    const auto level = query.integer(0);
    const auto known = level == 1 || level == 2;
    return VisibilityRow{known ? static_cast<Visibility>(level) : Visibility::closed, query.text(1),
                         query.integer(2)};
}

std::optional<std::int64_t> SqliteReader::proof(std::string_view kind, std::string_view name,
                                                std::string_view who) {
    Query query(proof_);
    query.bind_text(kind).bind_text(name).bind_text(who);
    if (!next(query)) return std::nullopt;
    return query.integer(0);
}

std::optional<PinRow> SqliteReader::pin(std::string_view kind, std::string_view name,
                                        std::string_view revision) {
    Query query(pin_);
    query.bind_text(kind).bind_text(name).bind_text(revision);
    if (!next(query)) return std::nullopt;
    return PinRow{query.text(0), query.integer(1)};
}

std::vector<IndexReader::StoredPin> SqliteReader::pins() {
    std::vector<StoredPin> rows;
    Query query(pins_);
    query.bind(as_limit(max_pins));
    while (next(query)) {
        rows.push_back(
            {query.text(0), query.text(1), query.text(2), PinRow{query.text(3), query.integer(4)}});
    }
    return rows;
}

std::optional<BlobRow> SqliteReader::blob(const Digest& digest) {
    const auto key = digest_key(digest);
    Query query(blob_);
    query.bind_bytes(key);
    if (!next(query)) return std::nullopt;
    return read_blob(query, 0);
}

std::optional<PartialRow> SqliteReader::partial(const Digest& digest) {
    const auto key = digest_key(digest);
    Query query(partial_);
    query.bind_bytes(key);
    if (!next(query)) return std::nullopt;
    return read_partial(query, 0);
}

IndexReader::Totals SqliteReader::totals() {
    Totals totals;
    {
        Query blobs(total_);
        blobs.bind_text("blob");
        if (next(blobs)) {
            totals.blobs = as_size(blobs.integer(0));
            totals.blob_bytes = as_size(blobs.integer(1));
        }
    }
    Query partials(total_);
    partials.bind_text("partial");
    if (next(partials)) totals.partial_bytes = as_size(partials.integer(1));
    return totals;
}

std::vector<IndexReader::StoredBlob> SqliteReader::blobs(Query& query) {
    std::vector<StoredBlob> rows;
    while (next(query)) {
        const auto digest = parse_digest_key(query.bytes(0));
        if (digest) rows.push_back({*digest, read_blob(query, 1)});
    }
    return rows;
}

std::vector<IndexReader::StoredPartial> SqliteReader::partials(Query& query) {
    std::vector<StoredPartial> rows;
    while (next(query)) {
        const auto digest = parse_digest_key(query.bytes(0));
        if (digest) rows.push_back({*digest, read_partial(query, 1)});
    }
    return rows;
}

std::vector<IndexReader::StoredBlob> SqliteReader::blobs_after(const std::optional<Digest>& after,
                                                               std::size_t limit) {
    const auto key = after ? digest_key(*after) : std::string();
    Query query(blobs_after_);
    query.bind_bytes(key).bind(as_limit(limit));
    return blobs(query);
}

std::vector<IndexReader::StoredBlob> SqliteReader::oldest_blobs(
    const std::optional<StoredBlob>& after, std::size_t limit) {
    const auto key = after ? digest_key(after->digest) : std::string();
    Query query(oldest_blobs_);
    query.bind(after ? after->row.last_used : std::numeric_limits<std::int64_t>::min());
    query.bind_bytes(key).bind(as_limit(limit));
    return blobs(query);
}

std::vector<IndexReader::StoredPartial> SqliteReader::partials_after(
    const std::optional<Digest>& after, std::size_t limit) {
    const auto key = after ? digest_key(*after) : std::string();
    Query query(partials_after_);
    query.bind_bytes(key).bind(as_limit(limit));
    return partials(query);
}

std::vector<IndexReader::StoredPartial> SqliteReader::oldest_partials(
    const std::optional<StoredPartial>& after, std::size_t limit) {
    const auto key = after ? digest_key(after->digest) : std::string();
    Query query(oldest_partials_);
    query.bind(after ? after->row.updated_at : std::numeric_limits<std::int64_t>::min());
    query.bind_bytes(key).bind(as_limit(limit));
    return partials(query);
}

}  // namespace hubkeep
