#pragma once
// What every Index keeps to about the entries of a commit and the listings of its folders. Included
// by the same tests as index_conformance.hpp.

#include "tests/unit/store/index_conformance.hpp"

namespace hubkeep::test {

class TreeConformance : public IndexConformance {
  protected:
    static PathEntry file(std::string path) { return {std::move(path), {.blob = digest(1)}}; }
    static PathEntry folder(std::string path) {
        return {std::move(path), {.kind = EntryKind::folder}};
    }
    void put_page(std::string page, std::string next, bool first = false, std::string folder = "") {
        write({PutTreePage{.scope = scope_,
                           .commit = "c",
                           .folder = std::move(folder),
                           .deep = true,
                           .first = first,
                           .page = std::move(page),
                           .next = std::move(next)}});
    }
    bool complete(std::string_view folder = "") {
        return reader().is_complete(scope_, "c", folder, true);
    }
    std::vector<std::string> paths(std::string_view folder, bool deep, std::string_view after = "",
                                   std::size_t limit = 100) {
        std::vector<std::string> found;
        for (const auto& entry : reader().entries(scope_, "c", folder, deep, after, limit)) {
            found.push_back(entry.path);
        }
        return found;
    }
};

TEST_P(TreeConformance, AnEntryComesBackWithAllItsFacts) {
    const EntryRow row{.blob = digest(1),
                       .size = 7,
                       .oid = git_digest(2),
                       .pointer_size = 134,
                       .xet_hash = std::string(64, 'a')};
    const EntryRow tree{.kind = EntryKind::folder, .oid = git_digest(3)};
    write({PutEntries{scope_, "c", {{"a", row}, {"b", tree}}}});
    const auto read = reader().entry(scope_, "c", "a");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->oid, git_digest(2));
    EXPECT_EQ(read->pointer_size, 134u);
    EXPECT_EQ(read->xet_hash, row.xet_hash);
    EXPECT_FALSE(read->opened);
    const auto folder = reader().entry(scope_, "c", "b");
    ASSERT_TRUE(folder);
    EXPECT_EQ(folder->kind, EntryKind::folder);
    EXPECT_EQ(folder->oid, git_digest(3));
    EXPECT_FALSE(folder->blob);
}

TEST_P(TreeConformance, FactsAddUp) {
    write({PutEntries{scope_, "c", {{"a", {.blob = digest(1), .size = 7, .opened = true}}}}});
    write({PutEntries{scope_,
                      "c",
                      {{"a",
                        {.blob = digest(1),
                         .size = 7,
                         .oid = git_digest(2),
                         .pointer_size = 134,
                         .xet_hash = "f0"}}}}});
    write({PutEntries{scope_, "c", {{"a", {.blob = digest(1), .size = 7}}}}});
    const auto read = reader().entry(scope_, "c", "a");
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->opened);
    EXPECT_EQ(read->oid, git_digest(2));
    EXPECT_EQ(read->pointer_size, 134u);
    EXPECT_EQ(read->xet_hash, "f0");
}

TEST_P(TreeConformance, WhatIsThereIsNeverDeclaredAbsent) {
    write({PutEntries{scope_, "c", {file("f"), folder("d")}}});
    write({PutEntries{scope_,
                      "c",
                      {{"f", {.kind = EntryKind::absent}},
                       {"d", {.kind = EntryKind::absent}},
                       {"later", {.kind = EntryKind::absent}}}}});
    EXPECT_EQ(reader().entry(scope_, "c", "f")->kind, EntryKind::file);
    EXPECT_EQ(reader().entry(scope_, "c", "d")->kind, EntryKind::folder);
    // A folder answers like a missing file, until a listing tells what it is.
    write({PutEntries{scope_, "c", {folder("later")}}});
    EXPECT_EQ(reader().entry(scope_, "c", "later")->kind, EntryKind::folder);
}

TEST_P(TreeConformance, AFileIsFoundByTheBeginningOfItsXetHash) {
    const auto hash = [](std::string begin) { return begin + std::string(64 - begin.size(), '0'); };
    const auto one = hash("0123456789");
    const auto twin = hash("0123456788");
    const auto with = [&](std::string path, std::string xet) {
        auto entry = file(std::move(path));
        entry.row.xet_hash = std::move(xet);
        return entry;
    };
    write({PutEntries{scope_,
                      "c",
                      {with("b", one), with("a/2", one), with("a/1", twin), with("z", hash("ff")),
                       file("without"), folder("a")}},
           PutEntries{scope_, "d", {with("0", one)}},
           PutEntries{{"dataset", "org/name", ""}, "c", {with("0", one)}}});
    const auto path_of = [&](std::string_view prefix) {
        const auto found = reader().entries_by_xet(scope_, "c", prefix, 10);
        std::string paths;
        for (const auto& entry : found) paths += entry.path + ' ';
        return paths;
    };
    EXPECT_EQ(path_of(one), "a/2 b ") << "two with the same content";
    EXPECT_EQ(path_of(one.substr(0, 56)), "a/2 b ");
    EXPECT_EQ(path_of(twin), "a/1 ") << "alike in what is indexed";
    EXPECT_EQ(path_of("01234567"), "a/1 a/2 b ");
    EXPECT_EQ(path_of(hash("ff")), "z ");
    const auto first = reader().entries_by_xet(scope_, "c", "01234567", 1);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].row.xet_hash, twin);
    EXPECT_EQ(first[0].row.blob, digest(1));
    EXPECT_EQ(reader().entries_by_xet(scope_, "d", one, 10).at(0).path, "0");
    for (const std::string& none :
         {hash("01234566"), hash("fe"), std::string(), one.substr(0, 7), one + "0",
          std::string("0123456g"), std::string("0123456F"), std::string(8, '%')}) {
        EXPECT_EQ(path_of(none), "") << none;
    }
    EXPECT_TRUE(reader().entries_by_xet(scope_, "e", one, 10).empty());
    EXPECT_TRUE(reader().entries_by_xet({"model", "org/none", ""}, "c", one, 10).empty());
    const auto commits_of = [&](std::string_view prefix) {
        auto commits = reader().commits_by_xet(scope_, prefix, 10);
        std::ranges::sort(commits);
        return commits;
    };
    using Commits = std::vector<std::string>;
    EXPECT_EQ(commits_of(one), (Commits{"c", "d"})) << "each once";
    EXPECT_EQ(commits_of("01234567"), (Commits{"c", "d"}));
    EXPECT_EQ(commits_of(twin), Commits{"c"});
    EXPECT_EQ(reader().commits_by_xet(scope_, one, 1).size(), 1U);
    EXPECT_EQ(commits_of(hash("01234566")), Commits());
    EXPECT_EQ(commits_of(one.substr(0, 7)), Commits());
    EXPECT_TRUE(reader().commits_by_xet({"model", "org/none", ""}, one, 10).empty());
}

TEST_P(TreeConformance, AnXetHashThatIsToldLaterIsFound) {
    const std::string hash(64, 'a');
    write({PutEntries{scope_, "c", {file("a")}}});
    EXPECT_TRUE(reader().entries_by_xet(scope_, "c", hash, 1).empty());
    auto told = file("a");
    told.row.xet_hash = hash;
    told.row.xet_told = true;
    EXPECT_FALSE(reader().entry(scope_, "c", "a")->xet_told);
    write({PutEntries{scope_, "c", {told}}});
    write({PutEntries{scope_, "c", {file("a")}}});
    EXPECT_TRUE(reader().entry(scope_, "c", "a")->xet_told);
    ASSERT_FALSE(reader().entries_by_xet(scope_, "c", hash, 1).empty())
        << "an empty one takes nothing away";
    // The repo gets another name: its entries move there.
    write({PutAlias{scope_, "org/renamed"}});
    const Scope renamed{scope_.kind, "org/renamed", scope_.access};
    EXPECT_FALSE(reader().entries_by_xet(renamed, "c", hash, 1).empty());
}

TEST_P(TreeConformance, AFolderIsListedWithOrWithoutWhatLiesDeeper) {
    write({PutEntries{scope_,
                      "c",
                      {folder("a"),
                       file("a-b"),
                       file("a.txt"),
                       folder("a/x"),
                       file("a/x/1"),
                       file("a/x/2"),
                       file("a/y"),
                       folder("b"),
                       file("b/\xC3\xBC"),
                       file("z"),
                       {"gone", {.kind = EntryKind::absent}}}},
           PutEntries{scope_, "other", {file("q")}}});
    using Paths = std::vector<std::string>;
    EXPECT_EQ(paths("", false), (Paths{"a", "a-b", "a.txt", "b", "z"}));
    EXPECT_EQ(paths("a", false), (Paths{"a/x", "a/y"}));
    EXPECT_EQ(paths("a", true), (Paths{"a/x", "a/x/1", "a/x/2", "a/y"}));
    EXPECT_EQ(paths("b", true), (Paths{"b/\xC3\xBC"}));
    EXPECT_EQ(paths("", true).size(), 10u);
    EXPECT_TRUE(paths("c", true).empty());
    EXPECT_EQ(paths("", false, "a-b", 2), (Paths{"a.txt", "b"}));
    EXPECT_EQ(paths("", false, "a", 1), (Paths{"a-b"}));
    EXPECT_EQ(paths("a", true, "a/x/1", 1), (Paths{"a/x/2"}));
    EXPECT_TRUE(reader().entries({"model", "org/none", ""}, "c", "", true, "", 9).empty());
}

TEST_P(TreeConformance, OnePageIsAWholeListing) {
    EXPECT_FALSE(complete());
    put_page("", "", true);
    EXPECT_TRUE(complete());
    EXPECT_FALSE(complete("a"));
    EXPECT_FALSE(reader().is_complete(scope_, "c", "", false));
    EXPECT_FALSE(reader().is_complete(scope_, "d", "", true));
}

TEST_P(TreeConformance, PagesMakeAListingInAnyOrder) {
    std::vector<int> order{0, 1, 2, 3};
    int number = 0;
    do {
        const auto folder = std::to_string(number++);
        for (std::size_t i = 0; i < order.size(); ++i) {
            EXPECT_FALSE(complete(folder));
            const int page = order[i];
            const auto name = [](int at) { return at == 4 ? "" : "p" + std::to_string(at); };
            put_page(name(page), name(page + 1), page == 0, folder);
        }
        EXPECT_TRUE(complete(folder)) << folder;
    } while (std::ranges::next_permutation(order).found);
}

TEST_P(TreeConformance, AnInterruptedListingIsNotComplete) {
    put_page("", "p1", true);
    put_page("p2", "");
    put_page("", "p1", true);
    EXPECT_FALSE(complete());
    put_page("p1", "p2");
    EXPECT_TRUE(complete());
    put_page("", "p1", true);
    EXPECT_TRUE(complete()) << "what is known is not unlearnt";
}

TEST_P(TreeConformance, PagesOfDifferentLengthsDoNotMix) {
    put_page("", "p500", true);
    put_page("limit=100", "limit=100,p100", true);
    put_page("p500", "p1000");
    put_page("limit=100,p100", "limit=100,p200");
    put_page("", "p500", true);
    put_page("limit=100,p200", "");
    EXPECT_TRUE(complete());
}

TEST_P(TreeConformance, ARepoThatBecomesGatedHasToBeOpenedAgain) {
    EXPECT_FALSE(reader().repo(scope_).gated);
    EXPECT_FALSE(reader().repo(scope_).opened);
    write({PutEntries{scope_, "c", {file("told")}}});
    EXPECT_FALSE(reader().repo(scope_).opened);
    auto opened = file("seen");
    opened.row.opened = true;
    write({PutGated{scope_, false}, PutEntries{scope_, "c", {opened}}});
    EXPECT_TRUE(reader().repo(scope_).opened);
    EXPECT_EQ(reader().repo(scope_).gated, false);
    write({PutGated{scope_, true}});
    EXPECT_FALSE(reader().repo(scope_).opened);
    EXPECT_EQ(reader().repo(scope_).gated, true);
    write({PutEntries{scope_, "c", {opened}}});
    write({PutGated{scope_, true}});
    EXPECT_TRUE(reader().repo(scope_).opened);
    EXPECT_FALSE(reader().repo({"dataset", "org/name", ""}).opened);
}

TEST_P(TreeConformance, PinsAreReplacedListedAndDropped) {
    EXPECT_FALSE(reader().pin("model", "org/name", "main"));
    write({PutPin{"model", "org/name", "main", {"aaa", 1}}});
    write({PutPin{"model", "org/name", "main", {"bbb", 2}},
           PutPin{"dataset", "org/name", "refs/pr/1", {"ccc", 3}}});
    const auto pin = reader().pin("model", "org/name", "main");
    ASSERT_TRUE(pin);
    EXPECT_EQ(pin->commit, "bbb");
    EXPECT_EQ(pin->at, 2);
    const auto all = reader().pins();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].kind, "dataset");
    EXPECT_EQ(all[0].revision, "refs/pr/1");
    EXPECT_EQ(all[1].row.commit, "bbb");
    write({DropPin{"model", "org/name", "main"}, DropPin{"model", "org/name", "v1"}});
    EXPECT_FALSE(reader().pin("model", "org/name", "main"));
    EXPECT_EQ(reader().pins().size(), 1u);
}

}  // namespace hubkeep::test
