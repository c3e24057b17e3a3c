#include "server/store/sqlite.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include "common/check.hpp"

namespace hubkeep {
namespace {

std::unexpected<Error> fail_sqlite(std::string_view doing, sqlite3* connection, int code) {
    ErrorKind kind = ErrorKind::io;
    const int primary = code & 0xff;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) kind = ErrorKind::corrupt;
    if (primary == SQLITE_FULL) kind = ErrorKind::no_space;
    const char* const file = connection ? sqlite3_db_filename(connection, nullptr) : nullptr;
    return fail(kind,
                fmt::format("cannot {} the index {}: {}", doing, file ? file : "",
                            connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code)),
                code);
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}
void Database::Close::operator()(sqlite3* connection) const {
    sqlite3_close_v2(connection);
}

Query::~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

Query& Query::bind(std::int64_t value) {
    const int code = sqlite3_bind_int64(statement_, ++bound_, value);
    if (code != SQLITE_OK) failed_bind_ = code;
    return *this;
}

Query& Query::bind_text(std::string_view value) {
    // A null pointer would bind NULL.
    const char* const data = value.data() ? value.data() : "";
    const int code =
        sqlite3_bind_text64(statement_, ++bound_, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
    if (code != SQLITE_OK) failed_bind_ = code;
    return *this;
}

Query& Query::bind_bytes(std::string_view value) {
    const char* const data = value.data() ? value.data() : "";
    const int code = sqlite3_bind_blob64(statement_, ++bound_, data, value.size(), SQLITE_STATIC);
    if (code != SQLITE_OK) failed_bind_ = code;
    return *this;
}

Query& Query::bind_null() {
    const int code = sqlite3_bind_null(statement_, ++bound_);
    if (code != SQLITE_OK) failed_bind_ = code;
    return *this;
}

Result<bool> Query::next() {
    auto* const connection = sqlite3_db_handle(statement_);
    if (failed_bind_ != 0) return fail_sqlite("ask", connection, failed_bind_);
    CHECK(bound_ == sqlite3_bind_parameter_count(statement_));
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return fail_sqlite(sqlite3_stmt_readonly(statement_) ? "read" : "write", connection, code);
}

Result<void> Query::run() {
    const auto row = next();
    if (!row) return std::unexpected(row.error());
    return {};
}

std::int64_t Query::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string_view Query::bytes(int column) const {
    const auto* const data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return data ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view();
}

bool Query::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<Database> Database::open(const fs::path& path, Mode mode) {
    const int access =
        mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3* connection = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &connection, access | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database;
    database.connection_.reset(connection);  // owed to SQLite even when the opening failed
    if (code != SQLITE_OK) return fail_sqlite("open", connection, code);
    sqlite3_extended_result_codes(connection, 1);
    // Waiting happens only around a checkpoint; a longer wait is a defect and is reported.
    sqlite3_busy_timeout(connection, 5000);
    const auto hardened = database.run("PRAGMA trusted_schema=OFF; PRAGMA mmap_size=0;");
    if (!hardened) return std::unexpected(hardened.error());
    return database;
}

Result<void> Database::run(const std::string& sql) {
    const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail_sqlite("change", connection_.get(), code);
    return {};
}

Result<std::int64_t> Database::number(const char* sql) {
    auto statement = prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    Query query(*statement);
    const auto row = query.next();
    if (!row) return std::unexpected(row.error());
    return *row ? query.integer(0) : 0;
}

Result<std::string> Database::word(const char* sql) {
    auto statement = prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    Query query(*statement);
    const auto row = query.next();
    if (!row) return std::unexpected(row.error());
    return *row ? query.text(0) : std::string();
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) {
        auto failed = fail_sqlite("ask", connection_.get(), code);
        // Statements and tables are both ours: when they do not fit, the file is damaged.
        if ((code & 0xff) == SQLITE_ERROR) failed.error().kind = ErrorKind::corrupt;
        return failed;
    }
    Statement statement;
    statement.handle_.reset(handle);
    return statement;
}

Result<Transaction> Transaction::begin(Database& database) {
    const auto begun = database.run("BEGIN IMMEDIATE");
    if (!begun) return std::unexpected(begun.error());
    return Transaction(database);
}

Transaction::~Transaction() {
    // SQLite may have rolled back by itself, after a full disk for one; then this changes nothing.
    if (database_ != nullptr) (void)database_->run("ROLLBACK");
}

Result<void> Transaction::commit() {
    const auto committed = database_->run("COMMIT");
    if (committed) database_ = nullptr;
    return committed;
}

}  // namespace hubkeep
