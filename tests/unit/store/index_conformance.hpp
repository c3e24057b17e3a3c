#pragma once
// What every Index keeps to. An implementation's test includes this once and instantiates
// IndexConformance with a way to make one; see sqlite_index_test.cpp.

#include <functional>
#include <future>
#include <memory>
#include <set>
#include <thread>

#include "server/store/index.hpp"
#include "tests/unit/store/support.hpp"

namespace hubkeep::test {

// An index with two readers, that can be closed and opened again with what was written.
class IndexUnderTest {
  public:
    virtual ~IndexUnderTest() = default;
    virtual Index& index() = 0;
    virtual void reopen() = 0;
};

struct IndexMaker {
    const char* name;
    std::function<std::unique_ptr<IndexUnderTest>()> make;
};

class IndexConformance : public testing::TestWithParam<IndexMaker> {
  protected:
    Index& index() { return made_->index(); }
    IndexReader& reader() { return index().reader(0); }
    void reopen() { made_->reopen(); }
    void write(std::vector<IndexWrite> writes) {
        const auto written = index().write_now(std::move(writes));
        ASSERT_TRUE(written) << written.error().message;
    }
    static Digest digest(int number) {
        return digest_of(DigestKind::sha256, std::to_string(number));
    }
    static Digest git_digest(int number) {
        return digest_of(DigestKind::git_sha1, std::to_string(number));
    }

    const Scope scope_{"model", "org/name", ""};

  private:
    std::unique_ptr<IndexUnderTest> made_ = GetParam().make();
};

TEST_P(IndexConformance, AMarkEndsWithEveryWriteAboutItsScope) {
    const Scope other{"dataset", "org/name", ""};
    const Scope old_name{"model", "org/old", ""};
    const PathEntry entry{"p", {.blob = digest(1), .size = 1}};
    const std::vector<IndexWrite> writes = {
        PutEntries{scope_, "c", {entry}, 1},
        PutTreePage{.scope = scope_, .commit = "c", .first = true, .page = "p", .at = 1},
        PutGated{scope_, true},
        PutAlias{old_name, scope_.name},
    };
    for (const auto& one : writes) {
        const auto before = index().mark(scope_);
        const auto of_other = index().mark(other);
        ASSERT_TRUE(before.holds());
        write({one});
        EXPECT_FALSE(before.holds()) << one.index();
        EXPECT_TRUE(of_other.holds()) << one.index();
        EXPECT_TRUE(index().mark(scope_).holds());
    }
    const auto of_old = index().mark(old_name);
    write({PutAlias{old_name, "org/third"}});
    EXPECT_FALSE(of_old.holds());
    const auto unmoved = index().mark(scope_);
    write({PutBlob{digest(1), {1, 1}}, PutRevision{scope_, "main", {"c", 1}}});
    EXPECT_TRUE(unmoved.holds());
}

TEST_P(IndexConformance, WhatWasNeverWrittenIsNotKnown) {
    EXPECT_FALSE(reader().alias(scope_));
    EXPECT_FALSE(reader().revision(scope_, "main"));
    EXPECT_FALSE(reader().entry(scope_, "c", "p"));
    EXPECT_FALSE(reader().listing(scope_, "k"));
    EXPECT_FALSE(reader().visibility("model", "org/name"));
    EXPECT_FALSE(reader().blob(digest(1)));
    EXPECT_FALSE(reader().partial(digest(1)));
    EXPECT_EQ(reader().totals().blobs, 0u);
    EXPECT_EQ(reader().totals().blob_bytes, 0u);
    EXPECT_TRUE(reader().blobs_after(std::nullopt, 10).empty());
    EXPECT_TRUE(reader().oldest_partials(std::nullopt, 10).empty());
}

TEST_P(IndexConformance, ARevisionIsReplacedAndDropped) {
    write({PutRevision{scope_, "refs/pr/1", {"aaa", 10}}});
    write({PutRevision{scope_, "refs/pr/1", {"bbb", 20}}});
    const auto row = reader().revision(scope_, "refs/pr/1");
    ASSERT_TRUE(row);
    EXPECT_EQ(row->commit, "bbb");
    EXPECT_EQ(row->confirmed_at, 20);
    EXPECT_FALSE(reader().revision(scope_, "refs/pr"));
    write({DropRevision{scope_, "refs/pr/1"}});
    EXPECT_FALSE(reader().revision(scope_, "refs/pr/1"));
}

TEST_P(IndexConformance, EntriesKeepBothKindsOfDigestAndAbsence) {
    const std::string odd = "dir/a b#%+'\"\\\xF0\x9F\xA4\x97.bin";
    write({PutEntries{scope_,
                      "c",
                      {{"lfs", {.blob = digest(1), .size = UINT64_MAX}},
                       {odd, {.blob = git_digest(1)}},
                       {"gone", {.kind = EntryKind::absent}}}}});
    const auto lfs = reader().entry(scope_, "c", "lfs");
    ASSERT_TRUE(lfs);
    EXPECT_FALSE(lfs->absent());
    EXPECT_EQ(lfs->blob, digest(1));
    EXPECT_EQ(lfs->size, UINT64_MAX);
    ASSERT_TRUE(reader().entry(scope_, "c", odd));
    EXPECT_EQ(reader().entry(scope_, "c", odd)->blob, git_digest(1));
    const auto gone = reader().entry(scope_, "c", "gone");
    ASSERT_TRUE(gone);
    EXPECT_TRUE(gone->absent());
    EXPECT_FALSE(gone->blob);
    EXPECT_FALSE(reader().entry(scope_, "other commit", "lfs"));
    write({PutEntries{scope_, "c", {{"gone", {.blob = digest(2), .size = 7}}}}});
    EXPECT_FALSE(reader().entry(scope_, "c", "gone")->absent());
}

TEST_P(IndexConformance, ScopesShareNothing) {
    const Scope dataset{"dataset", "org/name", ""};
    const Scope private_view{"model", "org/name", "f00d"};
    const Scope other{"model", "org/name2", ""};
    write({PutRevision{scope_, "main", {"a", 1}},
           PutEntries{scope_, "a", {{"p", {.blob = digest(1), .size = 1}}}},
           PutListing{scope_, "k", {.body = "public", .fetched_at = 1}},
           PutRevision{private_view, "main", {"b", 1}}});
    for (const auto& scope : {dataset, other}) {
        EXPECT_FALSE(reader().revision(scope, "main"));
    }
    for (const auto& scope : {dataset, private_view, other}) {
        EXPECT_FALSE(reader().entry(scope, "a", "p"));
        EXPECT_FALSE(reader().alias(scope));
        EXPECT_FALSE(reader().listing(scope, "k"));
    }
    EXPECT_EQ(reader().revision(private_view, "main")->commit, "b");
    EXPECT_EQ(reader().revision(scope_, "main")->commit, "a");
}

TEST_P(IndexConformance, ARenamedRepoKeepsWhatWasKnown) {
    const Scope renamed{"model", "org/new", ""};
    const Scope private_view{"model", "org/name", "f00d"};
    write({PutRevision{scope_, "main", {"a", 1}}, PutRevision{scope_, "dev", {"a", 1}},
           PutRevision{renamed, "dev", {"b", 2}},
           PutEntries{scope_, "a", {{"p", {.blob = digest(1), .size = 1}}}},
           PutListing{scope_, "k", {.body = "public", .fetched_at = 1}},
           PutRevision{private_view, "main", {"b", 1}}, PutAlias{scope_, "org/new"}});
    EXPECT_EQ(reader().alias(scope_), "org/new");
    EXPECT_EQ(reader().revision(renamed, "main")->commit, "a");
    EXPECT_EQ(reader().revision(renamed, "dev")->commit, "b") << "the newer name's own word counts";
    EXPECT_TRUE(reader().entry(renamed, "a", "p"));
    EXPECT_EQ(reader().listing(renamed, "k")->body, "public");
    EXPECT_EQ(reader().revision(private_view, "main")->commit, "b");
    EXPECT_FALSE(reader().alias(private_view));
}

TEST_P(IndexConformance, AListingComesBackByteForByte) {
    ListingRow row;
    row.status = 403;
    row.content_type = "application/json";
    row.body = std::string("{\"a\":\0}\xff", 8) + content_of(300'000);
    row.link = "/api/models?cursor=x%3D";
    row.error_code = "GatedRepo";
    row.error_message = "Access to model is restricted";
    row.commit = "abc";
    row.fetched_at = 1'700'000'000;
    row.headers = "X-Total-Count: 7\n";
    write({PutListing{scope_, "tree?recursive=1", row}});
    const auto read = reader().listing(scope_, "tree?recursive=1");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->status, row.status);
    EXPECT_EQ(read->content_type, row.content_type);
    EXPECT_EQ(read->body, row.body);
    EXPECT_EQ(read->link, row.link);
    EXPECT_EQ(read->error_code, row.error_code);
    EXPECT_EQ(read->error_message, row.error_message);
    EXPECT_EQ(read->commit, row.commit);
    EXPECT_EQ(read->fetched_at, row.fetched_at);
    EXPECT_EQ(read->headers, row.headers);
    write({PutListing{scope_, "tree?recursive=1", ListingRow{.body = "", .fetched_at = 2}}});
    EXPECT_EQ(reader().listing(scope_, "tree?recursive=1")->body, "");
    EXPECT_EQ(reader().listing(scope_, "tree?recursive=1")->status, 200);
}

TEST_P(IndexConformance, RevisionsAreFoundByTheirCommit) {
    const Scope scope{"model", "org/name", ""};
    const Scope other{"model", "org/other", ""};
    write({PutRevision{scope, "main", {"one", 1}}, PutRevision{scope, "v1", {"one", 1}},
           PutRevision{scope, "dev", {"two", 1}}, PutRevision{other, "x", {"one", 1}}});
    EXPECT_EQ(reader().revisions_at(scope, "one"), (std::vector<std::string>{"main", "v1"}));
    EXPECT_TRUE(reader().revisions_at(scope, "none").empty());
}

TEST_P(IndexConformance, AProofIsOneTokensForOneRepo) {
    write({PutProof{"model", "org/name", "alice", 50, 0}});
    EXPECT_EQ(reader().proof("model", "org/name", "alice"), 50);
    EXPECT_FALSE(reader().proof("model", "org/name", "bob"));
    EXPECT_FALSE(reader().proof("model", "org/other", "alice"));
    EXPECT_FALSE(reader().proof("dataset", "org/name", "alice"));
    write({DropProof{"model", "org/name", "alice"}});
    EXPECT_FALSE(reader().proof("model", "org/name", "alice"));
}

TEST_P(IndexConformance, OldProofsAreForgotten) {
    write({PutProof{"model", "org/a", "alice", 50, 0}, PutProof{"model", "org/b", "alice", 60, 0}});
    write({PutProof{"model", "org/c", "bob", 100, 60}});
    EXPECT_FALSE(reader().proof("model", "org/a", "alice"));
    EXPECT_EQ(reader().proof("model", "org/b", "alice"), 60);
    EXPECT_EQ(reader().proof("model", "org/c", "bob"), 100);
}

TEST_P(IndexConformance, VisibilityIsByKindAndName) {
    write({PutVisibility{"model", "org/name", {Visibility::open, "org/new", 5}}});
    ASSERT_TRUE(reader().visibility("model", "org/name"));
    EXPECT_EQ(reader().visibility("model", "org/name")->visibility, Visibility::open);
    EXPECT_EQ(reader().visibility("model", "org/name")->canonical, "org/new");
    EXPECT_EQ(reader().visibility("model", "org/name")->at, 5);
    EXPECT_FALSE(reader().visibility("dataset", "org/name"));
    write({PutVisibility{"model", "org/name", {Visibility::gated, "", 6}}});
    EXPECT_EQ(reader().visibility("model", "org/name")->visibility, Visibility::gated);
    write({PutVisibility{"model", "org/name", {Visibility::closed, "", 7}}});
    EXPECT_EQ(reader().visibility("model", "org/name")->visibility, Visibility::closed);
}

TEST_P(IndexConformance, ABlobTakesThePlaceOfItsPartial) {
    const PartialRow partial{.size = 9,
                             .present = 4,
                             .extents = "0-4",
                             .updated_at = 3,
                             .generation = 0xFEDCBA9876543210};
    write({PutPartial{digest(1), partial}, PutPartial{git_digest(1), partial}});
    const auto read = reader().partial(digest(1));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->size, 9u);
    EXPECT_EQ(read->present, 4u);
    EXPECT_EQ(read->extents, "0-4");
    EXPECT_EQ(read->updated_at, 3);
    EXPECT_EQ(read->generation, partial.generation);
    EXPECT_EQ(reader().totals().partial_bytes, 8u);
    write({PutBlob{digest(1), {9, 100}}});
    EXPECT_FALSE(reader().partial(digest(1)));
    ASSERT_TRUE(reader().blob(digest(1)));
    EXPECT_EQ(reader().blob(digest(1))->size, 9u);
    EXPECT_EQ(reader().blob(digest(1))->last_used, 100);
    ASSERT_TRUE(reader().partial(git_digest(1)));
    write({DropPartial{git_digest(1)}});
    EXPECT_FALSE(reader().partial(git_digest(1)));
    write({DropBlob{digest(1)}, DropBlob{digest(2)}});
    EXPECT_FALSE(reader().blob(digest(1)));
}

TEST_P(IndexConformance, UseOfAPartialMakesItNoOlder) {
    write({PutPartial{
        digest(1), {.size = 9, .present = 4, .extents = "0-4", .updated_at = 3, .generation = 1}}});
    write({TouchBlobs{{{digest(1), 50}}}});
    write({TouchBlobs{{{digest(1), 40}, {digest(2), 60}}}});
    EXPECT_EQ(reader().partial(digest(1))->updated_at, 50);
    EXPECT_FALSE(reader().partial(digest(2)));
}

TEST_P(IndexConformance, UseChangesTheOrderOfEviction) {
    for (int i = 0; i < 5; ++i) write({PutBlob{digest(i), {10, 100 + i}}});
    // A touch of a blob that is not there does not make one.
    write({TouchBlobs{{{digest(0), 200}, {digest(3), 150}, {digest(77), 300}}}});
    std::vector<Digest> order;
    for (const auto& row : reader().oldest_blobs(std::nullopt, 10)) order.push_back(row.digest);
    EXPECT_EQ(order, (std::vector{digest(1), digest(2), digest(4), digest(3), digest(0)}));
    EXPECT_FALSE(reader().blob(digest(77)));
    EXPECT_EQ(reader().totals().blobs, 5u);
    EXPECT_EQ(reader().totals().blob_bytes, 50u);
}

TEST_P(IndexConformance, TotalsAreWhatTheRowsAddUpTo) {
    const auto partial = [](std::uint64_t present) {
        return PartialRow{.size = 99, .present = present, .extents = "", .generation = 1};
    };
    const auto expect_totals = [&] {
        IndexReader::Totals expected;
        for (const auto& it : reader().blobs_after(std::nullopt, 100)) {
            ++expected.blobs;
            expected.blob_bytes += it.row.size;
        }
        for (const auto& it : reader().partials_after(std::nullopt, 100)) {
            expected.partial_bytes += it.row.present;
        }
        const auto totals = reader().totals();
        EXPECT_EQ(totals.blobs, expected.blobs);
        EXPECT_EQ(totals.blob_bytes, expected.blob_bytes);
        EXPECT_EQ(totals.partial_bytes, expected.partial_bytes);
    };
    for (int i = 0; i < 9; ++i) write({PutBlob{digest(i), {10u + i, i}}});
    for (int i = 10; i < 15; ++i) write({PutPartial{digest(i), partial(i)}});
    expect_totals();
    write({PutBlob{digest(3), {1000, 7}}, PutBlob{digest(4), {14, 8}}});  // new size, same size
    write({PutPartial{digest(11), partial(50)}, PutPartial{digest(12), partial(2)}});
    expect_totals();
    write({TouchBlobs{{{digest(3), 500}}}, DropBlob{digest(5)}, DropBlob{digest(77)}});
    write({DropPartial{digest(13)}, DropPartial{digest(77)}, PutBlob{digest(14), {5, 5}}});
    expect_totals();
    EXPECT_EQ(reader().totals().blobs, 9u);
    reopen();
    expect_totals();
}

TEST_P(IndexConformance, PagesShowEachRowOnce) {
    constexpr int count = 25;
    for (int i = 0; i < count; ++i) {
        // Few different times, so that pages end between rows of the same time.
        const auto which = i % 2 == 0 ? digest(i) : git_digest(i);
        write({PutBlob{which, {1, i / 10}}, PutPartial{git_digest(100 + i),
                                                       {.size = 5,
                                                        .present = 1,
                                                        .extents = "0-1",
                                                        .updated_at = i / 10,
                                                        .generation = 1}}});
    }
    const auto walk = [](auto first, auto next) {
        std::vector<Digest> seen;
        for (auto page = first(); !page.empty(); page = next(page.back())) {
            for (const auto& row : page) seen.push_back(row.digest);
        }
        return seen;
    };
    auto& r = reader();
    const auto by_digest = walk([&] { return r.blobs_after(std::nullopt, 4); },
                                [&](const auto& last) { return r.blobs_after(last.digest, 4); });
    const auto by_use = walk([&] { return r.oldest_blobs(std::nullopt, 4); },
                             [&](const auto& last) { return r.oldest_blobs(last, 4); });
    const auto partials = walk([&] { return r.partials_after(std::nullopt, 4); },
                               [&](const auto& last) { return r.partials_after(last.digest, 4); });
    const auto old_partials = walk([&] { return r.oldest_partials(std::nullopt, 4); },
                                   [&](const auto& last) { return r.oldest_partials(last, 4); });
    EXPECT_TRUE(std::is_sorted(by_digest.begin(), by_digest.end()));
    for (const auto* const seen : {&by_digest, &by_use, &partials, &old_partials}) {
        EXPECT_EQ(seen->size(), static_cast<std::size_t>(count));
        EXPECT_EQ(std::set(seen->begin(), seen->end()).size(), static_cast<std::size_t>(count));
    }
}

TEST_P(IndexConformance, WritesHappenInTheOrderTheyWereHandedIn) {
    index().post({PutRevision{scope_, "main", {"first", 1}}});
    index().post({PutRevision{scope_, "main", {"second", 2}}, DropBlob{digest(1)}});
    index().post({PutBlob{digest(1), {1, 1}}});
    write({PutRevision{scope_, "main", {"third", 3}}});
    EXPECT_EQ(reader().revision(scope_, "main")->commit, "third");
    EXPECT_TRUE(reader().blob(digest(1)));
}

TEST_P(IndexConformance, AnAwaitedWriteIsSeenByEveryReaderAndResumesOnItsThread) {
    const auto task = [&]() -> Task<Result<void>> {
        const auto before = std::this_thread::get_id();
        auto written = co_await index().write({PutBlob{digest(1), {5, 1}}});
        EXPECT_EQ(std::this_thread::get_id(), before);
        co_return written;
    };
    const auto written = run(task());
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_TRUE(index().reader(0).blob(digest(1)));
    EXPECT_TRUE(index().reader(1).blob(digest(1)));
    auto another = index().new_reader();
    ASSERT_TRUE(another);
    EXPECT_TRUE((*another)->blob(digest(1)));
}

TEST_P(IndexConformance, EverythingLastsUntilTheNextStart) {
    write({PutRevision{scope_, "main", {"a", 1}}, PutBlob{digest(1), {5, 1}}});
    index().post({PutBlob{digest(2), {6, 2}}});
    reopen();
    ASSERT_TRUE(reader().revision(scope_, "main"));
    EXPECT_EQ(reader().revision(scope_, "main")->commit, "a");
    EXPECT_TRUE(reader().blob(digest(1)));
    EXPECT_TRUE(reader().blob(digest(2)));
}

TEST_P(IndexConformance, AWriteAfterTheStopSaysSo) {
    index().stop();
    const auto written = index().write_now({PutBlob{digest(1), {5, 1}}});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::cancelled);
    const auto awaited = run(index().write({PutBlob{digest(1), {5, 1}}}));
    ASSERT_FALSE(awaited);
    EXPECT_FALSE(reader().blob(digest(1)));
}

}  // namespace hubkeep::test
