// Files with secrets: whole, and for their owner alone.

#include "common/private_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../config/folder.hpp"

namespace hubkeep {
namespace {

TEST(PrivateFile, ReplacesTheWholeContentWhateverTheOldFileAllowed) {
    Folder folder;
    const fs::path path = folder.path("tokens.json");
    ASSERT_TRUE(write_private_file(path, "a long first content"));
    fs::permissions(path, fs::perms::all);
    const auto mask = ::umask(0);
    const auto written = write_private_file(path, "second");
    ::umask(mask);
    ASSERT_TRUE(written);
    EXPECT_EQ(read_small_file(path, 100).value(), "second");
    EXPECT_EQ(permissions_of(path).value(), 0600U);
    EXPECT_EQ(list_folder(folder.path("")).value().size(), 1U);
}

TEST(PrivateFile, ALeftoverOfACutOffWriteIsNoObstacle) {
    Folder folder;
    const fs::path path = folder.path("tokens.json");
    ASSERT_TRUE(File::create_new(folder.path("tokens.json.new")));
    EXPECT_TRUE(write_private_file(path, "new"));
    EXPECT_EQ(read_small_file(path, 100).value(), "new");
}

TEST(PrivateFile, AFolderThatIsNotThereIsSaid) {
    Folder folder;
    EXPECT_EQ(write_private_file(folder.path("absent/x"), "").error().kind, ErrorKind::not_found);
}

TEST(PrivateFile, RootWritesForTheOwnerOfTheFolder) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root may give files away";
    Folder folder;
    ASSERT_EQ(::chown(folder.path("").c_str(), 65534, 65534), 0);
    const fs::path path = folder.path("tokens.json");
    ASSERT_TRUE(lock_private_file(path));
    ASSERT_TRUE(write_private_file(path, "x"));
    for (const auto* name : {"tokens.json", "tokens.json.lock"}) {
        struct stat info{};
        ASSERT_EQ(::stat(folder.path(name).c_str(), &info), 0);
        EXPECT_EQ(info.st_uid, 65534U) << name;
    }
}

TEST(PrivateFile, OneAtATimeHoldsTheLock) {
    Folder folder;
    const fs::path path = folder.path("tokens.json");
    {
        const auto first = lock_private_file(path);
        ASSERT_TRUE(first);
        const auto second = lock_private_file(path);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().kind, ErrorKind::limited);
    }
    EXPECT_TRUE(lock_private_file(path));
}

}  // namespace
}  // namespace hubkeep
