// Which commit counts for a revision: the first fresh word, the operator's, or none.

#include "server/proxy/revisions.hpp"

#include <gtest/gtest.h>

#include "server/store/sqlite_index.hpp"
#include "tests/unit/store/support.hpp"

namespace hubkeep {
namespace {

using test::quiet;
using test::run;

const std::string old_commit(40, 'a');
const std::string new_commit(40, 'b');

class RevisionsTest : public ::testing::Test {
  protected:
    RevisionsTest() {
        settings_.ttl = std::chrono::hours(1);
        reopen();
    }
    void reopen() {
        revisions_.reset();
        index_.reset();
        auto opened = SqliteIndex::open(folder_.path() / "index.sqlite", 1, quiet());
        ASSERT_TRUE(opened) << opened.error().message;
        index_ = std::move(*opened);
        revisions_ = std::make_unique<Revisions>(*index_, settings_, index_->reader(0));
    }
    // "" when nothing is known; a star when it is not fresh.
    std::string known(const Scope& scope, const std::string& revision = "main") {
        const auto known = revisions_->known(scope, revision, index_->reader(0));
        if (!known) return "";
        return known->commit.substr(0, 1) + (known->fresh ? "" : "*");
    }
    void settle() { ASSERT_TRUE(index_->write_now({})); }

    test::TempFolder folder_;
    RevisionSettings settings_;
    std::unique_ptr<SqliteIndex> index_;
    std::unique_ptr<Revisions> revisions_;
    const Scope scope_{"model", "org/name", ""};
    const Scope others_{"model", "org/name", "f00d"};
    const RepoId repo_{RepoKind::model, "org/name"};
};

TEST_F(RevisionsTest, AMarkEndsWithWhateverChangesTheAnswer) {
    const auto mark = [&] { return revisions_->mark(scope_.name); };
    auto before = mark();
    const auto ended = [&] { return !std::exchange(before, mark()).holds(); };
    revisions_->confirmed(scope_, "main", old_commit);
    EXPECT_TRUE(ended());
    revisions_->confirmed(scope_, "main", new_commit);  // the first word counts
    revisions_->known(scope_, "main", index_->reader(0));
    EXPECT_FALSE(ended());
    revisions_->replaced(scope_, "main", new_commit);
    EXPECT_TRUE(ended());
    revisions_->heard(others_, "main", new_commit);
    EXPECT_TRUE(ended());
    revisions_->expire(scope_, "main");
    EXPECT_TRUE(ended());
    ASSERT_TRUE(run(revisions_->pin(repo_, "main", old_commit)));
    EXPECT_TRUE(ended());
    ASSERT_TRUE(run(revisions_->unpin(repo_, "main")));
    EXPECT_TRUE(ended());
    revisions_->gone(scope_, "main");
    EXPECT_TRUE(ended());
}

TEST_F(RevisionsTest, KnowsUntilWhenItIsFresh) {
    revisions_->confirmed(scope_, "main", old_commit);
    const auto known = revisions_->known(scope_, "main", index_->reader(0));
    EXPECT_EQ(known->fresh_until, known->confirmed_at + 3600);
    ASSERT_TRUE(run(revisions_->pin(repo_, "main", old_commit)));
    const auto pinned = revisions_->known(scope_, "main", index_->reader(0));
    EXPECT_GT(pinned->fresh_until, known->fresh_until);
}

TEST_F(RevisionsTest, TheFirstFreshWordCounts) {
    EXPECT_EQ(known(scope_), "");
    EXPECT_EQ(revisions_->confirmed(scope_, "main", old_commit), old_commit);
    EXPECT_EQ(revisions_->confirmed(scope_, "main", new_commit), old_commit);
    EXPECT_EQ(revisions_->confirmed(scope_, "refs/heads/main", new_commit), old_commit);
    EXPECT_EQ(known(scope_), "a");
    EXPECT_EQ(known(scope_, "refs/heads/main"), "a");
    EXPECT_EQ(known(others_), "");
    EXPECT_EQ(known({"dataset", "org/name", ""}), "");
}

TEST_F(RevisionsTest, WithoutATtlTheLastWordCounts) {
    settings_.ttl = std::chrono::seconds(0);
    revisions_->confirmed(scope_, "main", old_commit);
    EXPECT_EQ(known(scope_), "a*");
    EXPECT_EQ(revisions_->confirmed(scope_, "main", new_commit), new_commit);
}

TEST_F(RevisionsTest, WhatSomebodyAskedForReplacesWhatIsFresh) {
    revisions_->confirmed(scope_, "main", old_commit);
    revisions_->replaced(scope_, "main", new_commit);
    EXPECT_EQ(known(scope_), "b");
    EXPECT_EQ(revisions_->confirmed(scope_, "main", old_commit), new_commit);
}

TEST_F(RevisionsTest, ExpiringIsForEveryGroupAndForThatRevision) {
    for (const auto& scope : {scope_, others_}) {
        revisions_->confirmed(scope, "main", old_commit);
        revisions_->confirmed(scope, "dev", old_commit);
    }
    revisions_->expire(scope_, "main");
    EXPECT_EQ(known(scope_), "a*");
    EXPECT_EQ(known(others_), "a*");
    EXPECT_EQ(known(scope_, "dev"), "a");
    EXPECT_EQ(revisions_->confirmed(scope_, "main", new_commit), new_commit);
    EXPECT_EQ(known(scope_), "b");
    revisions_->expire(others_, "");
    for (const auto* const revision : {"main", "dev"}) {
        EXPECT_EQ(known(scope_, revision).back(), '*');
        EXPECT_EQ(known(others_, revision).back(), '*');
    }
}

TEST_F(RevisionsTest, WhatIsGoneIsGoneBeforeTheIndexHasHeard) {
    revisions_->confirmed(scope_, "main", old_commit);
    settle();
    reopen();
    EXPECT_EQ(known(scope_), "a");
    revisions_->gone(scope_, "main");
    EXPECT_EQ(known(scope_), "");
    settle();
    reopen();
    EXPECT_EQ(known(scope_), "");
    EXPECT_EQ(revisions_->confirmed(scope_, "main", new_commit), new_commit);
}

TEST_F(RevisionsTest, APinHoldsForEveryGroupAndAfterARestart) {
    revisions_->confirmed(scope_, "main", new_commit);
    ASSERT_TRUE(run(revisions_->pin(repo_, "main", old_commit)));
    for (const auto& scope : {scope_, others_}) {
        EXPECT_EQ(known(scope), "a");
        EXPECT_TRUE(revisions_->known(scope, "refs/heads/main", index_->reader(0))->pinned);
        EXPECT_EQ(known(scope, "dev"), "");
    }
    revisions_->expire(scope_, "");
    revisions_->gone(scope_, "main");
    EXPECT_EQ(known(scope_), "a");
    reopen();
    EXPECT_EQ(known(scope_), "a");
    ASSERT_TRUE(run(revisions_->unpin(repo_, "main")));
    EXPECT_EQ(known(scope_), "");
    reopen();
    EXPECT_EQ(known(scope_), "");
}

TEST_F(RevisionsTest, TheFirstRuleThatMatchesGivesTheTtl) {
    settings_.rules = {{"org/*", "dev", std::chrono::seconds(1)},
                       {"org/*", "*", std::chrono::seconds(2)},
                       {"datasets/*", "*", std::chrono::seconds(3)}};
    EXPECT_EQ(revisions_->ttl_of(scope_, "dev"), seconds(1));
    EXPECT_EQ(revisions_->ttl_of(scope_, "refs/heads/dev"), seconds(1));
    EXPECT_EQ(revisions_->ttl_of(scope_, "main"), seconds(2));
    EXPECT_EQ(revisions_->ttl_of({"dataset", "org/name", ""}, "main"), seconds(3));
    EXPECT_EQ(revisions_->ttl_of({"space", "org/name", ""}, "main"), seconds(3600));
}

}  // namespace
}  // namespace hubkeep
