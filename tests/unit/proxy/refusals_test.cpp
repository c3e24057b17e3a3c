// What the Hub refused, and for whom that holds.

#include "server/proxy/refusals.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

using About = Refusals::About;

class RefusalsTest : public ::testing::Test {
  protected:
    static RevisionSettings settings(int ttl, int negative) {
        RevisionSettings settings;
        settings.ttl = seconds(ttl);
        settings.negative_ttl = seconds(negative);
        return settings;
    }
    std::string recall(const Scope& scope, const Credential& credential, About about,
                       const std::string& revision) {
        const auto error = refusals_.recall(scope, credential, about, revision);
        return error ? error->code + std::to_string(error->status) : "";
    }

    Refusals refusals_{settings(60, 60)};
    const Scope scope_{"model", "org/name", ""};
    const Scope longer_name_{"model", "org/name2", ""};
    const Credential nobody_;
    const Credential somebody_{Credential::Kind::client, Secret("hf_one")};
    const Credential other_{Credential::Kind::client, Secret("hf_two")};
};

TEST_F(RefusalsTest, AMissingRepoIsMissingInEveryWay) {
    refusals_.remember(scope_, nobody_, About::files, "main", repo_not_found());
    EXPECT_EQ(recall(scope_, nobody_, About::files, "dev"), "RepoNotFound404");
    EXPECT_EQ(recall(scope_, nobody_, About::documents, ""), "RepoNotFound404");
    EXPECT_EQ(recall(longer_name_, nobody_, About::files, "main"), "");
    EXPECT_EQ(recall({"dataset", "org/name", ""}, nobody_, About::files, "main"), "");
}

TEST_F(RefusalsTest, EachCredentialHasItsOwn) {
    refusals_.remember(scope_, somebody_, About::files, "main", gated(403, ""));
    EXPECT_EQ(recall(scope_, somebody_, About::files, "main"), "GatedRepo403");
    EXPECT_EQ(recall(scope_, other_, About::files, "main"), "");
    EXPECT_EQ(recall(scope_, nobody_, About::files, "main"), "");
}

TEST_F(RefusalsTest, AMissingRevisionIsOneRevision) {
    refusals_.remember(scope_, nobody_, About::documents, "dev", revision_not_found("dev"));
    EXPECT_EQ(recall(scope_, nobody_, About::files, "dev"), "RevisionNotFound404");
    EXPECT_EQ(recall(scope_, nobody_, About::files, "main"), "");
    refusals_.remember(scope_, nobody_, About::documents, "", revision_not_found("x"));
    EXPECT_EQ(recall(scope_, nobody_, About::documents, ""), "");
}

TEST_F(RefusalsTest, AGateShutsTheFilesAndNotTheDescription) {
    refusals_.remember(scope_, nobody_, About::files, "main", gated(401, ""));
    EXPECT_EQ(recall(scope_, nobody_, About::files, "dev"), "GatedRepo401");
    EXPECT_EQ(recall(scope_, nobody_, About::documents, "main"), "");
    refusals_.forget(scope_);
    refusals_.remember(scope_, nobody_, About::documents, "main", gated(401, ""));
    EXPECT_EQ(recall(scope_, nobody_, About::documents, "main"), "");
}

TEST_F(RefusalsTest, WhatIsAboutOneThingOrNoWordOfTheHubIsNotKept) {
    for (const auto& error : {entry_not_found(), bad_request("x"), too_many(5),
                              upstream_failed("it is down"), not_cached_offline("a", "b")}) {
        refusals_.remember(scope_, nobody_, About::files, "main", error);
        EXPECT_EQ(recall(scope_, nobody_, About::files, "main"), "") << error.message;
    }
}

TEST_F(RefusalsTest, ForgettingARepoLeavesTheNextOne) {
    refusals_.remember(scope_, somebody_, About::files, "main", repo_not_found());
    refusals_.remember(longer_name_, somebody_, About::files, "main", repo_not_found());
    refusals_.forget(scope_);
    EXPECT_EQ(recall(scope_, somebody_, About::files, "main"), "");
    EXPECT_EQ(recall(longer_name_, somebody_, About::files, "main"), "RepoNotFound404");
}

TEST_F(RefusalsTest, NothingIsKeptWithoutATtl) {
    for (const auto& none : {settings(60, 0), settings(0, 60)}) {
        Refusals refusals(none);
        refusals.remember(scope_, nobody_, About::files, "main", repo_not_found());
        EXPECT_FALSE(refusals.recall(scope_, nobody_, About::files, "main"));
    }
}

}  // namespace
}  // namespace hubkeep
