// What SQLite makes of each statement of the index: none may read a table, or sort one, where an
// index leads to the rows, for at ten million of them that takes seconds. Plans come from the
// schema alone, as the index is never analysed, so an empty one tells them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <set>

#include "server/store/sqlite_index.hpp"
#include "tests/unit/store/support.hpp"

namespace hubkeep {
namespace {

// Each connection that this process opens is told to an extension.
class Connections {
  public:
    Connections() {
        all().clear();
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(&opened));
    }
    ~Connections() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&opened)); }
    std::set<std::string> statements() const {
        std::set<std::string> found;
        for (auto* const connection : all()) {
            for (auto* it = sqlite3_next_stmt(connection, nullptr); it != nullptr;
                 it = sqlite3_next_stmt(connection, it)) {
                found.emplace(sqlite3_sql(it));
            }
        }
        return found;
    }

  private:
    static std::vector<sqlite3*>& all() {
        static std::vector<sqlite3*> connections;
        return connections;
    }
    static int opened(sqlite3* connection, char**, const sqlite3_api_routines*) {
        all().push_back(connection);
        return SQLITE_OK;
    }
};

class QueryPlan : public testing::Test {
  protected:
    void SetUp() override {
        const Connections connections;
        auto index = SqliteIndex::open(path_, 1, test::quiet());
        ASSERT_TRUE(index) << index.error().message;
        (*index)->stop();  // nobody uses the connections from here on
        statements_ = connections.statements();
    }
    std::vector<std::string> plan(const std::string& sql) {
        auto database = Database::open(path_, Database::Mode::read_only);
        EXPECT_TRUE(database);
        auto statement = database->prepare("EXPLAIN QUERY PLAN " + sql);
        EXPECT_TRUE(statement) << sql;
        std::vector<std::string> steps;
        Query query(*statement);
        const auto parameters = static_cast<int>(std::ranges::count(sql, '?'));
        const bool numbered = sql.find("?1") != std::string::npos;
        int highest = parameters;
        if (numbered) {
            highest = 0;
            for (std::size_t at = 0; (at = sql.find('?', at)) != std::string::npos; ++at) {
                highest = std::max(highest, sql[at + 1] - '0');
            }
        }
        for (int i = 0; i < highest; ++i) query.bind_null();
        for (auto row = query.next(); row && *row; row = query.next()) {
            steps.push_back(query.text(3));
        }
        return steps;
    }

    const test::TempFolder folder_;
    const fs::path path_ = folder_.path() / "index.sqlite";
    std::set<std::string> statements_;
};

TEST_F(QueryPlan, AllStatementsAreLookedAt) {
    EXPECT_GT(statements_.size(), 50u);
}

TEST_F(QueryPlan, NoStatementReadsOrSortsATable) {
    // In the order of an index, and no further than LIMIT says.
    const std::set<std::string> first_rows = {
        "SCAN pin", "SCAN listing USING COVERING INDEX listing_by_age",
        "SCAN known_commit USING COVERING INDEX known_commit_by_age"};
    for (const auto& sql : statements_) {
        const bool stops_early = sql.find(" LIMIT ") != std::string::npos;
        for (const auto& step : plan(sql)) {
            EXPECT_THAT(step, testing::Not(testing::HasSubstr("TEMP B-TREE"))) << sql;
            if (stops_early && first_rows.contains(step)) continue;
            EXPECT_THAT(step, testing::Not(testing::HasSubstr("SCAN"))) << sql;
        }
    }
}

// All rows of a repo are touched when it gets a new name and when somebody asks which of its
// branches point at a commit; any other statement goes on to the commit, or to the row.
TEST_F(QueryPlan, NoStatementReadsAllOfARepoButThoseThatAreAboutAllOfIt) {
    for (const auto& sql : statements_) {
        const bool about_all = sql.starts_with("UPDATE OR IGNORE ") ||
                               sql.starts_with("SELECT name FROM revision WHERE scope=?");
        if (about_all) continue;
        for (const auto& step : plan(sql)) {
            EXPECT_THAT(step, testing::Not(testing::HasSubstr("(scope=?)"))) << sql;
        }
    }
}

}  // namespace
}  // namespace hubkeep
