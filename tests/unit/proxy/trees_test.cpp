// What is known of a commit, and what a passing listing adds to it.

#include "server/proxy/trees.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/store/sqlite_index.hpp"
#include "tests/unit/store/support.hpp"

namespace hubkeep {
namespace {

const std::string commit(40, 'c');
const std::string oid(40, 'a');

std::string file_item(std::string_view path) {
    return fmt::format(R"({{"type":"file","oid":"{}","size":5,"path":"{}"}})", oid, path);
}
std::string folder_item(std::string_view path) {
    return fmt::format(R"({{"type":"directory","oid":"{}","size":0,"path":"{}"}})", oid, path);
}

class TreesTest : public testing::Test {
  protected:
    void SetUp() override {
        auto opened = SqliteIndex::open(folder_.path() / "index.sqlite", 1, test::quiet());
        ASSERT_TRUE(opened) << opened.error().message;
        index_ = std::move(*opened);
    }
    IndexReader& reader() { return index_->reader(0); }
    void write(std::vector<IndexWrite> writes) {
        if (writes.empty()) return;
        const auto written = index_->write_now(std::move(writes));
        ASSERT_TRUE(written) << written.error().message;
    }
    // A page passes; true when it taught something.
    bool pass(const std::string& body, std::string folder = "",
              std::string query = "recursive=true", std::string link = "", bool has_next = false) {
        const TreeQuestion question{scope_, commit, std::move(folder), std::move(query)};
        auto writes =
            test::run(Trees::from_page(question, {scope_, body, link, has_next || !link.empty()}));
        const bool taught = !writes.empty();
        write(std::move(writes));
        return taught;
    }
    void open_repo() { write({PutGated{scope_, false}}); }
    // "file", "folder", "absent", or "unknown".
    static std::string word(const std::optional<EntryRow>& row) {
        if (!row) return "unknown";
        if (row->absent()) return "absent";
        return row->kind == EntryKind::folder ? "folder" : "file";
    }
    std::string item(std::string_view path) {
        return word(trees_.item(reader(), scope_, commit, path));
    }
    std::string file(std::string_view path) {
        return word(trees_.file(reader(), scope_, commit, path));
    }
    bool covers(std::string_view folder, bool deep) {
        return trees_.covers(reader(), scope_, commit, folder, deep);
    }

    const Scope scope_{"model", "org/name", ""};
    Trees trees_;

  private:
    test::TempFolder folder_;
    std::unique_ptr<SqliteIndex> index_;
};

TEST_F(TreesTest, NothingIsKnownAtFirst) {
    open_repo();
    EXPECT_EQ(item("a"), "unknown");
    EXPECT_EQ(file("a"), "unknown");
    EXPECT_FALSE(covers("", false));
}

TEST_F(TreesTest, AWholeListingKnowsWhatIsNotThere) {
    open_repo();
    EXPECT_TRUE(pass('[' + file_item("a/b/f") + ',' + file_item("g") + ']'));
    EXPECT_EQ(item("a/b/f"), "file");
    EXPECT_EQ(item("a/b"), "folder");
    EXPECT_EQ(item("a"), "folder") << "although no page named it";
    EXPECT_EQ(file("a"), "absent") << "a folder is no file";
    for (const auto* const path : {"x", "a/x", "a/b/x", "x/y/z", "g/x"}) {
        EXPECT_EQ(item(path), "absent") << path;
        EXPECT_EQ(file(path), "absent") << path;
    }
    EXPECT_TRUE(covers("", true));
    EXPECT_TRUE(covers("a/b", false));
}

TEST_F(TreesTest, TheListingOfOneFolderKnowsOnlyThat) {
    open_repo();
    EXPECT_TRUE(pass('[' + folder_item("a") + ',' + file_item("g") + ']', "", ""));
    EXPECT_EQ(item("x"), "absent");
    EXPECT_EQ(item("x/y"), "absent") << "nothing lies below what is not there";
    EXPECT_EQ(item("g/y"), "absent") << "nor below a file";
    EXPECT_EQ(item("a/x"), "unknown");
    EXPECT_TRUE(covers("", false));
    EXPECT_FALSE(covers("", true));
    EXPECT_FALSE(covers("a", false));
    EXPECT_TRUE(pass('[' + file_item("a/b/f") + ']', "a"));
    EXPECT_EQ(item("a/x"), "absent");
    EXPECT_TRUE(covers("a/b", true));
    EXPECT_FALSE(covers("", true));
}

TEST_F(TreesTest, AFileThatResolveDidNotFindMayBeAFolder) {
    write({PutEntries{scope_, commit, {{"a", {.kind = EntryKind::absent, .opened = true}}}}});
    EXPECT_EQ(file("a"), "absent");
    EXPECT_EQ(item("a"), "unknown");
    EXPECT_TRUE(pass('[' + folder_item("a") + ']', "", ""));
    EXPECT_EQ(item("a"), "folder");
    EXPECT_EQ(file("a"), "absent");
}

TEST_F(TreesTest, AListingAloneOpensNoFileOfAGatedRepo) {
    EXPECT_TRUE(pass('[' + file_item("f") + ',' + file_item("g") + ']'));
    EXPECT_EQ(file("f"), "unknown") << "nobody said yet whether it is gated";
    write({PutGated{scope_, true}});
    EXPECT_EQ(file("f"), "unknown");
    EXPECT_EQ(file("none"), "unknown");
    EXPECT_EQ(item("none"), "absent") << "everybody may list it";
    write({PutEntries{scope_, commit, {{"g", {.size = 5, .opened = true}}}}});
    EXPECT_EQ(file("f"), "file") << "who may open one file may open all";
    EXPECT_EQ(file("none"), "absent");
}

TEST_F(TreesTest, APageThatIsNotUnderstoodTeachesNothing) {
    for (const auto& body : {std::string("{}"), std::string("[7]"), std::string("[{]"),
                             '[' + file_item("a") + ",{}]", '[' + file_item("../a") + ']'}) {
        EXPECT_FALSE(pass(body)) << body;
    }
    EXPECT_FALSE(pass('[' + file_item("b/f") + ']', "a")) << "it lies in another folder";
    EXPECT_EQ(item("a"), "unknown");
    EXPECT_FALSE(covers("", true));
}

TEST_F(TreesTest, AListingThatGoesOnElsewhereIsNotComplete) {
    EXPECT_TRUE(pass('[' + file_item("a") + ']', "", "recursive=true", "", true));
    EXPECT_EQ(item("a"), "file");
    EXPECT_EQ(item("b"), "unknown");
    EXPECT_FALSE(covers("", true));
}

TEST_F(TreesTest, PagesAreJoinedByTheirLinksHoweverTheyAreSpelled) {
    EXPECT_TRUE(pass('[' + file_item("a") + ']', "", "recursive=true",
                     "/api/models/org/name/tree/x?limit=1&recursive=True&cursor=abc%3D"));
    EXPECT_EQ(item("c"), "unknown");
    EXPECT_TRUE(pass('[' + file_item("b") + ']', "", "cursor=abc%3D&limit=1&recursive=true"));
    EXPECT_EQ(item("c"), "absent");
    EXPECT_TRUE(covers("", true));
}

TEST_F(TreesTest, PathsThatAreLeftOutAreNotThere) {
    const auto body = '[' + file_item("a/f") + ']';
    write(test::run(Trees::from_paths(commit, {"a/f", "none", "a"}, {scope_, body, "", false})));
    EXPECT_EQ(item("a/f"), "file");
    EXPECT_EQ(item("none"), "absent");
    EXPECT_EQ(item("a"), "folder") << "the file lies in it, whatever was left out";
    EXPECT_EQ(item("other"), "unknown");
}

TEST_F(TreesTest, ADescriptionTellsWhetherItIsGatedAndItsBlobs) {
    const auto info = [](std::string_view gated, std::string_view sibling) {
        return fmt::format(R"({{"id":"org/name","sha":"{}","gated":{},"siblings":[{}]}})", commit,
                           gated, sibling);
    };
    const auto named = info("false", R"({"rfilename":"f"})");
    write(test::run(Trees::from_info({scope_, named, "", false})));
    EXPECT_EQ(reader().repo(scope_).gated, false);
    EXPECT_EQ(item("f"), "unknown") << "a name alone is no entry";
    const auto blobs =
        info("\"auto\"", fmt::format(R"({{"rfilename":"f","blobId":"{}","size":5}})", oid));
    write(test::run(Trees::from_info({scope_, blobs, "", false})));
    EXPECT_EQ(reader().repo(scope_).gated, true);
    EXPECT_EQ(item("f"), "file");
    EXPECT_EQ(item("g"), "unknown");
}

TEST_F(TreesTest, ADisabledRepoIsDescribedButNotOpen) {
    const auto info = [](std::string_view disabled) {
        return fmt::format(R"({{"id":"org/name","sha":"{}","gated":false,"disabled":{}}})", commit,
                           disabled);
    };
    for (const bool disabled : {false, true, false}) {
        const auto text = info(disabled ? "true" : "false");
        write(test::run(Trees::from_info({scope_, text, "", false})));
        EXPECT_EQ(reader().repo(scope_).gated, disabled);
    }
}

}  // namespace
}  // namespace hubkeep
