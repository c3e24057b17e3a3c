// SqliteIndex keeps to the contract of Index; and what only a file can suffer: damage, a newer
// version, a second process, modes.

#include "server/store/sqlite_index.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "server/store/schema.hpp"
#include "tests/unit/store/index_conformance.hpp"
#include "tests/unit/store/tree_conformance.hpp"

namespace hubkeep {
namespace {

using test::IndexConformance;
using test::quiet;
using test::slurp;
using test::spill;
using test::TempFolder;
using test::TreeConformance;

class SqliteUnderTest : public test::IndexUnderTest {
  public:
    SqliteUnderTest() { open(); }
    Index& index() override { return *index_; }
    void reopen() override {
        index_.reset();
        open();
    }

  private:
    void open() {
        auto opened = SqliteIndex::open(folder_.path() / "index.sqlite", 2, quiet());
        ASSERT_TRUE(opened) << opened.error().message;
        index_ = std::move(*opened);
    }
    TempFolder folder_;
    std::unique_ptr<SqliteIndex> index_;
};

const auto makers =
    testing::Values(test::IndexMaker{"sqlite", [] { return std::make_unique<SqliteUnderTest>(); }});
const auto name_of_maker = [](const auto& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Sqlite, IndexConformance, makers, name_of_maker);
INSTANTIATE_TEST_SUITE_P(Sqlite, TreeConformance, makers, name_of_maker);

class SqliteIndexTest : public testing::Test {
  protected:
    Result<std::unique_ptr<SqliteIndex>> open() { return SqliteIndex::open(path_, 1, quiet()); }
    PutEntries file(const std::string& commit, const std::string& path, std::int64_t at = 0) {
        return {
            scope_, commit, {{path, {.blob = digest_of(DigestKind::sha256, path), .size = 1}}}, at};
    }
    // A sound database with some pages.
    void fill(int rows = 500) {
        auto index = open();
        ASSERT_TRUE(index) << index.error().message;
        std::vector<IndexWrite> writes;
        for (int i = 0; i < rows; ++i) {
            writes.push_back(file("commit", "path/" + std::to_string(i)));
        }
        ASSERT_TRUE((*index)->write_now(std::move(writes)));
    }
    void break_all_but_the_schema() {
        const auto size = fs::file_size(path_);
        std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(4096);
        file << std::string(size - 4096, 'x');
    }
    bool damaged_file_was_kept() const { return fs::exists(path_.string() + ".damaged-1"); }
    // The database works, whatever is in it.
    static void expect_usable(SqliteIndex& index) {
        const auto digest = digest_of(DigestKind::sha256, "x");
        ASSERT_TRUE(index.write_now({PutBlob{digest, {1, 1}}}));
        EXPECT_TRUE(index.reader(0).blob(digest));
    }

    TempFolder folder_;
    const fs::path path_ = folder_.path() / "index.sqlite";
    const Scope scope_{"model", "org/name", ""};
};

TEST_F(SqliteIndexTest, ASecondProcessIsRefusedWithASentence) {
    const auto first = open();
    ASSERT_TRUE(first);
    const auto second = open();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::denied);
    EXPECT_NE(second.error().message.find("another hubkeep"), std::string::npos);
}

TEST_F(SqliteIndexTest, ANewerDatabaseIsLeftAlone) {
    fill(1);
    {
        auto database = Database::open(path_, Database::Mode::read_write);
        ASSERT_TRUE(database);
        ASSERT_TRUE(database->run("PRAGMA user_version=99"));
    }
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
    EXPECT_NE(opened.error().message.find("newer hubkeep"), std::string::npos);
    EXPECT_FALSE(damaged_file_was_kept());
}

TEST_F(SqliteIndexTest, ADatabaseOfAnotherProgramIsMovedAsideWhole) {
    {
        auto database = Database::open(path_, Database::Mode::read_write);
        ASSERT_TRUE(database);
        ASSERT_TRUE(
            database->run("CREATE TABLE bookmark (url TEXT); "
                          "INSERT INTO bookmark VALUES ('https://example.org')"));
    }
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    expect_usable(**opened);
    auto kept = Database::open(path_.string() + ".damaged-1", Database::Mode::read_only);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->number("SELECT count(*) FROM bookmark"), 1);
}

TEST_F(SqliteIndexTest, GarbageIsMovedAsideAndTheIndexBegunAnew) {
    spill(path_, test::content_of(20'000));
    spill(path_.string() + "-wal", test::content_of(5'000));
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_TRUE(damaged_file_was_kept());
    expect_usable(**opened);
}

TEST_F(SqliteIndexTest, ATruncatedDatabaseIsMovedAsideOrEmpty) {
    fill();
    const auto sound = slurp(path_);
    for (const std::size_t size : {0, 1, 15, 16, 99, 100, 4095, 4096, 8192, 12288, 20481}) {
        ASSERT_LT(size, sound.size());
        spill(path_, sound.substr(0, size));
        const auto opened = open();
        ASSERT_TRUE(opened) << size << ": " << opened.error().message;
        EXPECT_FALSE((*opened)->reader(0).entry(scope_, "commit", "path/0")) << size;
        expect_usable(**opened);
    }
}

TEST_F(SqliteIndexTest, DamagedPagesAreFoundAtTheStart) {
    fill(3000);
    break_all_but_the_schema();
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_TRUE(damaged_file_was_kept());
    expect_usable(**opened);
}

TEST_F(SqliteIndexTest, DamageMetWhileRunningIsRememberedForTheNextStart) {
    fill(3000);
    const auto suspect = path_.string() + ".suspect";
    {
        const auto opened = open();
        ASSERT_TRUE(opened) << opened.error().message;
        break_all_but_the_schema();
        EXPECT_FALSE((*opened)->reader(0).entry(scope_, "commit", "path/2000"));
        EXPECT_FALSE(damaged_file_was_kept());
    }
    EXPECT_TRUE(fs::exists(suspect));
    const auto again = open();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(damaged_file_was_kept());
    EXPECT_FALSE(fs::exists(suspect));
    expect_usable(**again);
}

TEST_F(SqliteIndexTest, ACleanStopLeavesAnEmptyLog) {
    fill();
    const auto log = path_.string() + "-wal";
    EXPECT_TRUE(!fs::exists(log) || fs::file_size(log) == 0);
    EXPECT_FALSE(fs::exists(path_.string() + ".suspect"));
}

TEST_F(SqliteIndexTest, OldListingsLeaveWhenTheIndexIsTooLarge) {
    constexpr int count = 300;
    constexpr std::uint64_t max_bytes = 2'000'000;
    const auto key = [](int i) { return "tree/" + std::to_string(i); };
    {
        auto index = SqliteIndex::open(path_, 1, quiet(), max_bytes);
        ASSERT_TRUE(index);
        ASSERT_TRUE((*index)->write_now({file("commit", "path", 2'000)}));
        for (int i = 0; i < count; ++i) {
            const ListingRow row{.body = test::content_of(20'000), .fetched_at = 1'000 - i};
            ASSERT_TRUE((*index)->write_now({PutListing{scope_, key(i), row}}));
        }
    }
    auto index = SqliteIndex::open(path_, 1, quiet(), max_bytes);
    ASSERT_TRUE(index);
    // One commit after another gives the writing thread the turns that it needs.
    for (int i = 0; i < 5; ++i) expect_usable(**index);
    auto& reader = (*index)->reader(0);
    int left = 0;
    for (int i = 0; i < count; ++i) left += reader.listing(scope_, key(i)).has_value();
    EXPECT_LE(left * 20'000u, max_bytes);
    EXPECT_GE((left + 70) * 20'000u, max_bytes) << "no more than needed, and what one step takes";
    EXPECT_TRUE(reader.listing(scope_, key(0))) << "fetched last";
    EXPECT_TRUE(reader.entry(scope_, "commit", "path"));
}

// The oldest commit goes in pieces; from the first one on it has no complete listing.
TEST_F(SqliteIndexTest, WhatIsKnownOfTheOldestCommitsLeavesWhenTheIndexIsTooLarge) {
    constexpr int commits = 40;
    constexpr int files = 3000;
    constexpr std::uint64_t max_bytes = 2'000'000;
    const auto name = [](int i) { return "commit " + std::to_string(i); };
    {
        auto index = open();
        ASSERT_TRUE(index);
        for (int i = 0; i < commits; ++i) {
            PutEntries put{.scope = scope_, .commit = name(i), .at = 1'000 - i};
            for (int n = 0; n < files; ++n) {
                put.entries.push_back({"folder/" + std::to_string(n), {.size = 1}});
            }
            ASSERT_TRUE((*index)->write_now({std::move(put), PutTreePage{.scope = scope_,
                                                                         .commit = name(i),
                                                                         .deep = true,
                                                                         .first = true,
                                                                         .at = 1'000 - i}}));
        }
    }
    auto index = SqliteIndex::open(path_, 1, quiet(), max_bytes);
    ASSERT_TRUE(index);
    for (int i = 0; i < 10; ++i) expect_usable(**index);
    auto& reader = (*index)->reader(0);
    int whole = 0;
    for (int i = 0; i < commits; ++i) {
        const auto left = reader.entries(scope_, name(i), "", true, "", files + 1).size();
        const bool complete = reader.is_complete(scope_, name(i), "", true);
        EXPECT_EQ(complete, left == files) << name(i) << " has " << left;
        whole += complete;
    }
    EXPECT_TRUE(reader.is_complete(scope_, name(0), "", true)) << "told last";
    EXPECT_LT(whole, commits / 2);
    EXPECT_GT(whole, 3) << "no more than needed";
}

TEST_F(SqliteIndexTest, AnIndexOfTheFirstVersionKeepsWhatItKnows) {
    const auto hex = digest_of(DigestKind::sha256, "content").hex();
    {
        auto database = Database::open(path_, Database::Mode::read_write);
        ASSERT_TRUE(database);
        ASSERT_TRUE(migrate(*database, path_, 1));
        ASSERT_TRUE(database->run(
            "INSERT INTO scope VALUES (1, 'model', 'org/name', '');"
            "INSERT INTO revision VALUES (1, 'main', 'abc', 5);"
            "INSERT INTO entry VALUES (1, 'abc', 'a/b c/file.bin', 0, x'00" +
            hex +
            "', 7);"
            "INSERT INTO entry VALUES (1, 'abc', 'a', 1, NULL, 0);"
            "INSERT INTO entry VALUES (1, 'abc', 'gone', 1, NULL, 0);"
            "INSERT INTO blob VALUES (x'00" +
            hex + "', 7, 5), (x'01" + std::string(40, 'a') +
            "', 20, 6);"
            "INSERT INTO partial VALUES (x'01" +
            std::string(40, 'b') +
            "', 9, 4, '0-4', 5, 1);"
            "INSERT INTO listing (scope, key, status, content_type, body, link, error_code, "
            "error_message, commit_id, fetched_at) "
            "VALUES (1, 'k', 200, 'application/json', x'7b7d', '', '', '', 'abc', 9);"));
    }
    auto index = open();
    ASSERT_TRUE(index) << index.error().message;
    auto& reader = (*index)->reader(0);
    EXPECT_EQ(reader.revision(scope_, "main")->commit, "abc");
    const auto file = reader.entry(scope_, "abc", "a/b c/file.bin");
    ASSERT_TRUE(file);
    EXPECT_EQ(file->kind, EntryKind::file);
    EXPECT_EQ(file->blob->hex(), hex);
    EXPECT_EQ(file->size, 7u);
    EXPECT_TRUE(file->opened);
    EXPECT_TRUE(reader.entry(scope_, "abc", "gone")->absent());
    for (const auto* const folder : {"a", "a/b c"}) {
        ASSERT_TRUE(reader.entry(scope_, "abc", folder)) << folder;
        EXPECT_EQ(reader.entry(scope_, "abc", folder)->kind, EntryKind::folder);
    }
    EXPECT_EQ(reader.entries(scope_, "abc", "", false, "", 9).size(), 1u);
    EXPECT_TRUE(reader.repo(scope_).opened);
    EXPECT_FALSE(reader.is_complete(scope_, "abc", "", true));
    ASSERT_TRUE(reader.listing(scope_, "k"));
    EXPECT_EQ(reader.listing(scope_, "k")->body, "{}");
    EXPECT_EQ(reader.listing(scope_, "k")->headers, "");
    EXPECT_EQ(reader.totals().blobs, 2u);
    EXPECT_EQ(reader.totals().blob_bytes, 27u);
    EXPECT_EQ(reader.totals().partial_bytes, 4u);
    expect_usable(**index);
}

TEST_F(SqliteIndexTest, XetHashesThatWereToldBeforeAreFound) {
    const std::string hash(64, 'b');
    {
        auto database = Database::open(path_, Database::Mode::read_write);
        ASSERT_TRUE(database);
        ASSERT_TRUE(migrate(*database, path_, 4));
        ASSERT_TRUE(
            database->run("INSERT INTO scope VALUES (1, 'model', 'org/name', '');"
                          "INSERT INTO known_commit VALUES (1, 'abc', 5);"
                          "INSERT INTO entry (scope, commit_id, path, kind, size, xet_hash) VALUES "
                          "(1, 'abc', 'plain', 0, 7, ''), (1, 'abc', 'large', 0, 8, '" +
                          hash + "');"));
    }
    auto index = open();
    ASSERT_TRUE(index) << index.error().message;
    const auto found = (*index)->reader(0).entries_by_xet(scope_, "abc", hash, 10);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].path, "large");
    EXPECT_EQ(found[0].row.size, 8u);
    EXPECT_FALSE(found[0].row.xet_told);
    expect_usable(**index);
}

TEST_F(SqliteIndexTest, FilesAreForTheirOwnerAlone) {
    const auto before = ::umask(0);
    const auto opened = open();
    ASSERT_TRUE(opened);
    expect_usable(**opened);
    ::umask(before);
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
        EXPECT_EQ(fs::status(entry).permissions() & static_cast<fs::perms>(0777),
                  static_cast<fs::perms>(0600))
            << entry.path();
    }
}

}  // namespace
}  // namespace hubkeep
