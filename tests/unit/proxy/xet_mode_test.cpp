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

}  // namespace
}  // namespace hubkeep
