// Which repos are offered over Xet.

#include "server/proxy/xet_mode.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

const RepoId model{RepoKind::model, "org/old-model"};
const RepoId dataset{RepoKind::dataset, "org/old-model"};

TEST(XetModeOfARepo, IsTheGeneralOneWhereNoRuleSpeaksOfIt) {
    Settings settings;
    settings.xet = XetMode::serve;
    EXPECT_TRUE(serves_xet(settings, model));
    settings.xet_rules = {{"org/new-*", XetMode::strip}};
    EXPECT_TRUE(serves_xet(settings, model));
    settings.xet = XetMode::strip;
    EXPECT_FALSE(serves_xet(settings, model));
}

TEST(XetModeOfARepo, ARuleSpeaksOfTheKindThatTheAddressNames) {
    Settings settings;
    settings.xet = XetMode::strip;
    settings.xet_rules = {{"datasets/ORG/old-*", XetMode::serve}};
    EXPECT_TRUE(serves_xet(settings, dataset));
    EXPECT_FALSE(serves_xet(settings, model));
    settings.xet_rules = {{"org/*", XetMode::serve}};
    EXPECT_TRUE(serves_xet(settings, model));
    EXPECT_FALSE(serves_xet(settings, dataset));
}

TEST(XetModeOfARepo, TheFirstRuleThatMatchesCounts) {
    Settings settings;
    settings.xet = XetMode::serve;
    settings.xet_rules = {{"org/old-model", XetMode::serve}, {"*", XetMode::strip}};
    EXPECT_TRUE(serves_xet(settings, model));
    EXPECT_FALSE(serves_xet(settings, dataset));
}

TEST(XetModeOfARepo, IsThatOfItsScope) {
    Settings settings;
    settings.xet = XetMode::strip;
    settings.xet_rules = {{"datasets/org/*", XetMode::serve}};
    EXPECT_TRUE(serves_xet(settings, Scope{"dataset", "org/name", "somebody"}));
    EXPECT_FALSE(serves_xet(settings, Scope{"model", "org/name", ""}));
}

TEST(XetModeOfAnAnswer, IsThatOfAllWhereItMayBeAboutMany) {
    Settings settings;
    settings.xet = XetMode::serve;
    const auto search = parse_route("GET", "/api/models?search=x");
    const auto commits = parse_route("GET", "/api/models/org/old-model/commits/main");
    const auto rows = parse_route("GET", "/-/datasets-server/rows?dataset=org/name");
    const auto bucket = parse_route("GET", "/api/buckets/org/name/tree");
    EXPECT_TRUE(shows_xet(settings, search));
    EXPECT_TRUE(shows_xet(settings, commits));
    EXPECT_TRUE(shows_xet(settings, rows));
    EXPECT_FALSE(shows_xet(settings, bucket));
    settings.xet_rules = {{"org/old-*", XetMode::strip}};
    EXPECT_FALSE(shows_xet(settings, search));
    EXPECT_FALSE(shows_xet(settings, commits));
    EXPECT_TRUE(shows_xet(settings, parse_route("GET", "/api/models/org/new/commits/main")));
    settings.xet = XetMode::strip;
    settings.xet_rules = {{"org/old-*", XetMode::serve}};
    EXPECT_FALSE(shows_xet(settings, search));
    EXPECT_TRUE(shows_xet(settings, commits));
    EXPECT_TRUE(shows_xet(settings, rows)) << "data is not ours to change";
}

}  // namespace
}  // namespace hubkeep
