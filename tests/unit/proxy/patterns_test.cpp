// Which repos and names the patterns of rules speak of.

#include "server/proxy/patterns.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hubkeep {
namespace {

using Globs = std::vector<std::string>;

const RepoId model{RepoKind::model, "meta-llama/Llama-3.1-8B"};
const RepoId dataset{RepoKind::dataset, "our-org/corpus"};
const RepoId old_model{RepoKind::model, "gpt2"};

TEST(Patterns, NoGlobsAreEveryRepo) {
    EXPECT_TRUE(repo_matches({}, model));
    EXPECT_TRUE(repo_matches({}, old_model));
}

TEST(Patterns, ANameIsMatchedInEveryKindAndAnAddressInItsOwn) {
    EXPECT_TRUE(repo_matches(Globs{"our-org/*"}, dataset));
    EXPECT_TRUE(repo_matches(Globs{"our-org/*"}, {RepoKind::model, "our-org/corpus"}));
    EXPECT_TRUE(repo_matches(Globs{"datasets/our-org/*"}, dataset));
    EXPECT_FALSE(repo_matches(Globs{"datasets/our-org/*"}, {RepoKind::model, "our-org/corpus"}));
    EXPECT_FALSE(repo_matches(Globs{"spaces/our-org/*"}, dataset));
}

TEST(Patterns, CaseOfARepoDoesNotCount) {
    EXPECT_TRUE(repo_matches(Globs{"META-LLAMA/llama-*"}, model));
    EXPECT_TRUE(repo_matches(Globs{"Datasets/Our-Org/Corpus"}, dataset));
}

TEST(Patterns, OneOfSeveralIsEnoughAndAnOrganisationIsNotItsPrefix) {
    EXPECT_TRUE(repo_matches(Globs{"gpt*", "meta-llama/*"}, model));
    EXPECT_FALSE(repo_matches(Globs{"meta/*", "our-org"}, model));
    EXPECT_FALSE(repo_matches(Globs{"meta-llam/*"}, model));
    EXPECT_TRUE(repo_matches(Globs{"gpt2"}, old_model));
}

TEST(Patterns, OtherNamesAreComparedAsTheyAre) {
    EXPECT_TRUE(any_glob_matches(Globs{"*.bin", "*.pkl"}, "unet/model.pkl"));
    EXPECT_FALSE(any_glob_matches(Globs{"*.bin"}, "model.BIN"));
    EXPECT_FALSE(any_glob_matches({}, "model.bin"));
}

}  // namespace
}  // namespace hubkeep
