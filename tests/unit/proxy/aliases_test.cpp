// The canonical name behind an old one, and when what was said of it is no longer true.

#include "server/proxy/aliases.hpp"

#include <gtest/gtest.h>

#include "server/store/sqlite_index.hpp"
#include "tests/unit/store/support.hpp"

namespace hubkeep {
namespace {

TEST(Aliases, AMarkEndsWhenAnotherNameIsLearnt) {
    test::TempFolder folder;
    auto index = SqliteIndex::open(folder.path() / "index.sqlite", 1, test::quiet());
    ASSERT_TRUE(index) << index.error().message;
    Aliases aliases(**index);
    const RepoId repo{RepoKind::model, "org/old"};
    auto& reader = (*index)->reader(0);
    const auto name = [&](const std::string& access) {
        return aliases.scope_of(repo, access, reader).name;
    };
    const auto unasked = aliases.mark(repo);
    EXPECT_EQ(name(""), "org/old");
    EXPECT_TRUE(unasked.holds());
    aliases.learn(repo, "", "org/old");
    EXPECT_TRUE(unasked.holds());
    aliases.learn(repo, "", "org/new");
    EXPECT_FALSE(unasked.holds());
    EXPECT_EQ(name(""), "org/new");
    const auto renamed = aliases.mark(repo);
    aliases.learn(repo, "", "org/new");
    EXPECT_TRUE(renamed.holds());
    aliases.learn(repo, "f00d", "org/third");
    EXPECT_FALSE(renamed.holds());
    EXPECT_EQ(name(""), "org/new");
    EXPECT_EQ(name("f00d"), "org/third");
}

}  // namespace
}  // namespace hubkeep
