// What rules say: who is meant, which rule counts, and that no other name of a repo leads around.

#include "server/proxy/policy.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

const RepoId model{RepoKind::model, "org/name"};

Asked file(std::string path, std::vector<std::string> revisions = {"main"}) {
    return {model, model, std::move(path), std::move(revisions)};
}
Asked listing(std::vector<std::string> revisions = {}) {
    return {model, model, std::nullopt, std::move(revisions)};
}
PolicyRule deny(std::string name) {
    return {.name = std::move(name), .action = PolicyAction::deny};
}
PolicyRule allow(std::string name) {
    return {.name = std::move(name), .action = PolicyAction::allow};
}

TEST(Policy, WhatNoRuleDeniesIsAllowed) {
    EXPECT_FALSE(ruling_of({}, file("a.bin"), {}).denied);
}

TEST(Policy, TheFirstRuleThatMatchesCounts) {
    auto good = allow("ours");
    good.repos = {"ORG/*"};
    const PolicySettings policy{{good, deny("rest")}};
    EXPECT_EQ(ruling_of(policy, file("a"), {}).rule, "ours");
    const RepoId other{RepoKind::dataset, "other/name"};
    const auto ruling = ruling_of(policy, {other, other, "a", {}}, {});
    EXPECT_TRUE(ruling.denied);
    EXPECT_EQ(ruling.rule, "rest");
}

TEST(Policy, AnOldNameLeadsAroundNoRule) {
    auto rule = deny("no-evil");
    rule.repos = {"evil/*"};
    const RepoId moved{RepoKind::model, "evil/name"};
    EXPECT_TRUE(ruling_of({{rule}}, {model, moved, "a", {}}, {}).denied);
    EXPECT_TRUE(ruling_of({{rule}}, {moved, model, "a", {}}, {}).denied);
    EXPECT_FALSE(ruling_of({{rule}}, file("a"), {}).denied);
}

TEST(Policy, RulesAboutFilesSpareListings) {
    auto rule = deny("no-pickles");
    rule.files = {"*.bin", "*.pkl"};
    EXPECT_TRUE(ruling_of({{rule}}, file("deep/model.bin"), {}).denied);
    EXPECT_FALSE(ruling_of({{rule}}, file("model.safetensors"), {}).denied);
    EXPECT_FALSE(ruling_of({{rule}}, listing(), {}).denied);
}

TEST(Policy, ARepoOfWhichSomeFilesAreAllowedIsListed) {
    auto some = allow("safetensors");
    some.files = {"*.safetensors"};
    const PolicySettings policy{{some, deny("rest")}};
    EXPECT_FALSE(ruling_of(policy, file("a.safetensors"), {}).denied);
    EXPECT_TRUE(ruling_of(policy, file("a.bin"), {}).denied);
    EXPECT_FALSE(ruling_of(policy, listing(), {}).denied);
}

TEST(Policy, ACommitGoesByTheNamesThatPointAtIt) {
    auto released = allow("released");
    released.revisions = {"v*"};
    const PolicySettings only_releases{{released, deny("rest")}};
    EXPECT_FALSE(ruling_of(only_releases, file("a", {"v1"}), {}).denied);
    EXPECT_FALSE(ruling_of(only_releases, file("a", {"dev", "v1"}), {}).denied);
    EXPECT_TRUE(ruling_of(only_releases, file("a", {"dev"}), {}).denied);
    EXPECT_TRUE(ruling_of(only_releases, file("a", {}), {}).denied);

    auto proposals = deny("no-proposals");
    proposals.revisions = {"refs/pr/*"};
    EXPECT_TRUE(ruling_of({{proposals}}, file("a", {"refs/pr/1"}), {}).denied);
    EXPECT_FALSE(ruling_of({{proposals}}, file("a", {"refs/pr/1", "main"}), {}).denied);
    EXPECT_FALSE(ruling_of({{proposals}}, listing(), {}).denied);
    EXPECT_TRUE(ruling_of({{proposals}}, listing({"refs/pr/1"}), {}).denied);
}

TEST(Policy, ClientsGoByNameTeamOrNone) {
    const Visitor alice{.by = Visitor::By::key, .name = "alice", .team = "ml"};
    EXPECT_TRUE(client_matches({"ali*"}, alice));
    EXPECT_TRUE(client_matches({"team:ml"}, alice));
    EXPECT_FALSE(client_matches({"team:web", "bob", "anonymous"}, alice));
    EXPECT_TRUE(client_matches({"anonymous"}, {}));
    EXPECT_FALSE(client_matches({"*", "team:*"}, {}));
}

TEST(Policy, KindsAreToldApart) {
    auto rule = deny("no-datasets");
    rule.kinds = {"dataset"};
    const RepoId dataset{RepoKind::dataset, "org/name"};
    EXPECT_TRUE(ruling_of({{rule}}, {dataset, dataset, "a", {}}, {}).denied);
    EXPECT_FALSE(ruling_of({{rule}}, file("a"), {}).denied);
}

TEST(Sharing, TheFirstRuleElseTheGeneralOne) {
    AccessSettings access{.sharing = Sharing::verify};
    access.rules = {{.name = "weights", .files = {"*.gguf"}, .sharing = Sharing::deny},
                    {.name = "ours", .repos = {"org/*"}, .sharing = Sharing::shared}};
    EXPECT_EQ(sharing_of(access, file("a.gguf"), {}).sharing, Sharing::deny);
    EXPECT_EQ(sharing_of(access, file("a.json"), {}).rule, "ours");
    EXPECT_EQ(sharing_of(access, listing(), {}).sharing, Sharing::shared);
    const RepoId other{RepoKind::model, "other/name"};
    EXPECT_EQ(sharing_of(access, {other, other, "a", {}}, {}).sharing, Sharing::verify);
}

}  // namespace
}  // namespace hubkeep
