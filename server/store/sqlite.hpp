#pragma once
// SQLite behind three values: Database (a connection), Statement (prepared once, kept as a named
// member) and Query (one run of a statement, which binds in order and resets at the end of its
// scope: a SELECT that is not reset would pin the write-ahead log). sqlite3.h stays in sqlite.cpp.
// Connections are opened without SQLite's own locks: each belongs to one thread at a time.
// Errors are values: corrupt (the file is damaged or no database), no_space, else io.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/file.hpp"
#include "common/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace hubkeep {

class Database;

class Statement {
  public:
    Statement() = default;

  private:
    friend class Database;
    friend class Query;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Query {
  public:
    explicit Query(Statement& statement) : statement_(statement.handle_.get()) {}
    ~Query();
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    // Parameters from the left; text and bytes must live as long as the query.
    Query& bind(std::int64_t value);
    Query& bind_text(std::string_view value);
    Query& bind_bytes(std::string_view value);
    Query& bind_null();

    // True when there is a row to read, false at the end.
    Result<bool> next();
    // For statements without rows.
    Result<void> run();

    // Columns of the current row, from 0; views last until next() or the end of the query.
    std::int64_t integer(int column) const;
    std::string_view bytes(int column) const;
    std::string text(int column) const { return std::string(bytes(column)); }
    bool is_null(int column) const;

  private:
    sqlite3_stmt* const statement_;
    int bound_ = 0;
    int failed_bind_ = 0;
};

class Database {
  public:
    enum class Mode { read_write, read_only };
    static Result<Database> open(const fs::path& path, Mode mode);

    Database() = default;
    // One or more statements whose rows nobody wants.
    Result<void> run(const std::string& sql);
    // The first column of the first row.
    Result<std::int64_t> number(const char* sql);
    Result<std::string> word(const char* sql);
    // Prepared to be used often; see Statement.
    Result<Statement> prepare(std::string_view sql);

  private:
    struct Close {
        void operator()(sqlite3* connection) const;
    };
    std::unique_ptr<sqlite3, Close> connection_;
};

// BEGIN IMMEDIATE now; ROLLBACK at the end of the scope unless commit() was called.
class Transaction {
  public:
    static Result<Transaction> begin(Database& database);
    ~Transaction();
    Transaction(Transaction&& other) noexcept
        : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    Result<void> commit();

  private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;
};

}  // namespace hubkeep
