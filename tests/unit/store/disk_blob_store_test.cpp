// DiskBlobStore keeps to the contract of BlobStore; and what only files can suffer: things planted
// at the place of a blob, modes, a second daemon, a full disk.

#include "server/store/disk_blob_store.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/store/blob_store_conformance.hpp"
#include "tests/unit/store/disk_under_test.hpp"

namespace hubkeep {
namespace {

using test::BlobStoreConformance;
using test::content_of;
using test::DiskUnderTest;
using test::put_blob;
using test::quiet;
using test::read_all;
using test::spill;
using test::TempFolder;

INSTANTIATE_TEST_SUITE_P(
    Disk, BlobStoreConformance,
    testing::Values(test::StoreMaker{
        "disk", [](std::uint64_t limit) { return std::make_unique<DiskUnderTest>(limit); }}),
    [](const auto& info) { return info.param.name; });

class DiskBlobStoreTest : public testing::Test {
  protected:
    void put(const std::string& content) {
        const auto done = put_blob(disk_.store(), content);
        ASSERT_TRUE(done) << done.error().message;
    }
    // Missed, examined, and then as if it had never been there.
    void expect_miss_and_refetch(const std::string& content) {
        EXPECT_FALSE(disk_.open_blob(content));
        disk_.store().wait_until_examined();
        EXPECT_FALSE(disk_.reader().blob(digest_of(DigestKind::sha256, content)));
        EXPECT_EQ(disk_.store().usage().blob_bytes, 0u);
        put(content);
        const auto blob = disk_.open_blob(content);
        ASSERT_TRUE(blob);
        EXPECT_EQ(read_all(*blob->file), content);
        EXPECT_EQ(disk_.store().usage().blob_bytes, content.size());
    }
    std::size_t quarantined() { return disk_.files_in(disk_.layout().quarantine()); }

    DiskUnderTest disk_{100'000};
    const std::string content_ = content_of(10'000);
    const fs::path place_ = disk_.place_of(content_);
};

TEST_F(DiskBlobStoreTest, AFileThatVanishedIsAMiss) {
    put(content_);
    fs::remove(place_);
    expect_miss_and_refetch(content_);
    EXPECT_EQ(quarantined(), 0u);
}

TEST_F(DiskBlobStoreTest, ALinkIsNotFollowed) {
    const auto elsewhere = disk_.layout().data_dir() / "elsewhere";
    put(content_);
    fs::rename(place_, elsewhere);
    fs::create_symlink(elsewhere, place_);
    expect_miss_and_refetch(content_);
    EXPECT_EQ(quarantined(), 1u);
    EXPECT_TRUE(fs::exists(elsewhere));
}

TEST_F(DiskBlobStoreTest, APipeHoldsNobody) {
    put(content_);
    fs::remove(place_);
    ASSERT_EQ(::mkfifo(place_.c_str(), 0600), 0);
    expect_miss_and_refetch(content_);
    EXPECT_EQ(quarantined(), 1u);
}

TEST_F(DiskBlobStoreTest, AFolderIsMovedAway) {
    put(content_);
    fs::remove(place_);
    fs::create_directories(place_ / "inside");
    expect_miss_and_refetch(content_);
    EXPECT_FALSE(fs::is_empty(disk_.layout().quarantine()));
}

TEST_F(DiskBlobStoreTest, AFileOfAnotherSizeIsMovedAway) {
    for (const std::size_t size : {0, 9'999, 10'001}) {
        const auto content = content_of(10'000, static_cast<unsigned>(size));
        put(content);
        spill(disk_.place_of(content), content_of(size));
        EXPECT_FALSE(disk_.open_blob(content)) << size;
        disk_.store().wait_until_examined();
        EXPECT_FALSE(disk_.reader().blob(digest_of(DigestKind::sha256, content)));
        put(content);
        EXPECT_TRUE(disk_.open_blob(content));
    }
    EXPECT_EQ(quarantined(), 3u);
}

TEST_F(DiskBlobStoreTest, AWrongRowDoesNotCostASoundFile) {
    put(content_);
    const auto digest = digest_of(DigestKind::sha256, content_);
    ASSERT_TRUE(disk_.index().write_now({PutBlob{digest, {10'001, 1}}}));
    EXPECT_FALSE(disk_.open_blob(content_));
    disk_.store().wait_until_examined();
    const auto blob = disk_.open_blob(content_);
    ASSERT_TRUE(blob);
    EXPECT_EQ(read_all(*blob->file), content_);
    EXPECT_EQ(quarantined(), 0u);
}

TEST_F(DiskBlobStoreTest, WhatLiesInTheWayOfAPublishIsMovedAway) {
    spill(place_, "something short");
    put(content_);
    EXPECT_TRUE(disk_.open_blob(content_));
    EXPECT_EQ(quarantined(), 1u);
    // The same size without a row is a blob that the scan has not come to.
    const auto other = content_of(5'000, 2);
    spill(disk_.place_of(other), other);
    put(other);
    EXPECT_TRUE(disk_.open_blob(other));
    EXPECT_EQ(quarantined(), 1u);
    EXPECT_EQ(disk_.files_in(disk_.layout().partials()), 0u);
}

TEST_F(DiskBlobStoreTest, AFolderThatVanishedIsMadeAgain) {
    put(content_);
    fs::remove_all(place_.parent_path());
    expect_miss_and_refetch(content_);
}

TEST_F(DiskBlobStoreTest, ASecondDaemonIsRefusedWithASentence) {
    const auto second = DiskBlobStore::open(disk_.options(), disk_.index(), quiet());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::denied);
    EXPECT_NE(second.error().message.find("another hubkeep"), std::string::npos);
}

TEST_F(DiskBlobStoreTest, AFolderOfAnotherVersionIsRefused) {
    const auto format = disk_.layout().data_dir() / "FORMAT";
    EXPECT_EQ(test::slurp(format), "hubkeep 1\n");
    disk_.close();
    spill(format, "hubkeep 2\n");
    TempFolder folder;
    auto index = SqliteIndex::open(folder.path() / "index.sqlite", 1, quiet());
    ASSERT_TRUE(index);
    const auto opened = DiskBlobStore::open(disk_.options(), **index, quiet());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
    spill(format, "");
    EXPECT_TRUE(DiskBlobStore::open(disk_.options(), **index, quiet()))
        << "a kill during the first start leaves an empty file";
    EXPECT_EQ(test::slurp(format), "hubkeep 1\n");
}

TEST(DiskBlobStore, EverythingIsForItsOwnerAlone) {
    const auto before = ::umask(0);
    DiskUnderTest disk(100'000);
    EXPECT_TRUE(put_blob(disk.store(), content_of(1'000)));
    const auto partial = test::begin_partial(disk.store(), content_of(2'000));
    ::umask(before);
    ASSERT_TRUE(partial);
    for (const auto& entry : fs::recursive_directory_iterator(disk.layout().data_dir())) {
        const auto mode = entry.status().permissions() & static_cast<fs::perms>(0777);
        EXPECT_EQ(mode, static_cast<fs::perms>(entry.is_directory() ? 0700 : 0600)) << entry.path();
    }
}

TEST(DiskBlobStore, TheDataFolderMayLieBehindALink) {
    TempFolder folder;
    fs::create_directories(folder.path() / "disk" / "data");
    fs::create_directory_symlink(folder.path() / "disk", folder.path() / "link");
    DiskUnderTest disk(100'000, folder.path() / "link" / "data");
    EXPECT_TRUE(put_blob(disk.store(), content_of(1'000)));
    EXPECT_TRUE(disk.open_blob(content_of(1'000)));
}

TEST(DiskBlobStore, ThePartialsOfARestartAreTheOnesThatWereRemembered) {
    DiskUnderTest disk(100'000);
    const auto content = content_of(10'000);
    const auto digest = digest_of(DigestKind::sha256, content);
    {
        auto partial = test::begin_partial(disk.store(), content);
        ASSERT_TRUE(partial);
        ASSERT_TRUE(partial->file.write_at(0, content));
        Extents there;
        there.add({0, 10'000});
        ASSERT_TRUE(test::run(disk.store().checkpoint(*partial, there)));
    }
    // A power cut may bring back the row of an earlier file; its generation is not that of the
    // file.
    auto row = *disk.reader().partial(digest);
    row.generation ^= 1;
    ASSERT_TRUE(disk.index().write_now({PutPartial{digest, row}}));
    const auto partial = test::begin_partial(disk.store(), content);
    ASSERT_TRUE(partial);
    EXPECT_TRUE(partial->present.empty());
}

TEST(DiskBlobStore, APartialCutShortStartsEmpty) {
    DiskUnderTest disk(100'000);
    const auto content = content_of(10'000);
    {
        auto partial = test::begin_partial(disk.store(), content);
        ASSERT_TRUE(partial);
        ASSERT_TRUE(partial->file.write_at(0, content));
        Extents there;
        there.add({0, 10'000});
        ASSERT_TRUE(test::run(disk.store().checkpoint(*partial, there)));
    }
    for (const auto& entry : fs::directory_iterator(disk.layout().partials())) {
        fs::resize_file(entry, 9'999);
    }
    const auto partial = test::begin_partial(disk.store(), content);
    ASSERT_TRUE(partial);
    EXPECT_TRUE(partial->present.empty());
    EXPECT_EQ(disk.store().usage().partial_bytes, 0u);
    EXPECT_EQ(disk.files_in(disk.layout().partials()), 1u);
}

TEST(DiskBlobStore, AFileWhoseSyncFailedOnceIsNeverTrusted) {
    DiskUnderTest disk(100'000);
    const auto content = content_of(10'000);
    {
        auto partial = test::begin_partial(disk.store(), content);
        ASSERT_TRUE(partial);
        ASSERT_TRUE(partial->file.write_at(0, content));
        const auto path = fs::directory_iterator(disk.layout().partials())->path();
        partial->file.close();  // which makes the sync fail
        Extents there;
        there.add({0, 10'000});
        EXPECT_FALSE(test::run(disk.store().checkpoint(*partial, there)));
        // The next sync would succeed: the system has forgotten what it could not write.
        partial->file = *File::open_write(path);
        EXPECT_FALSE(test::run(disk.store().checkpoint(*partial, there)));
        EXPECT_FALSE(test::run(disk.store().publish(*partial)));
    }
    EXPECT_FALSE(disk.open_blob(content));
    EXPECT_FALSE(fs::exists(disk.place_of(content)));
    EXPECT_EQ(disk.files_in(disk.layout().partials()), 0u);
    EXPECT_FALSE(disk.reader().partial(digest_of(DigestKind::sha256, content)));
}

TEST(DiskBlobStore, EvictionGoesThroughAnyNumberOfBlobsInUse) {
    constexpr unsigned count = 700;
    constexpr unsigned in_use = 600;
    constexpr std::size_t bytes = 100;
    DiskUnderTest disk(count * bytes);
    disk.close();
    for (unsigned i = 0; i < count; ++i) {
        spill(disk.place_of(content_of(bytes, i)), content_of(bytes, i));
    }
    disk.open();
    ASSERT_EQ(disk.store().usage().blobs, count);
    std::vector<Blob> readers;
    for (unsigned i = 0; i < in_use; ++i) {
        auto blob = disk.open_blob(content_of(bytes, i));
        ASSERT_TRUE(blob);
        readers.push_back(std::move(*blob));
    }
    const auto room = test::run(disk.store().reserve((count - in_use) * bytes));
    ASSERT_TRUE(room) << room.error().message;
    EXPECT_EQ(disk.store().usage().blobs, in_use);
    EXPECT_FALSE(test::run(disk.store().reserve(1)));
    for (unsigned i = 0; i < in_use; ++i) EXPECT_TRUE(disk.open_blob(content_of(bytes, i)));
}

class FullDisk : public testing::Test {
  protected:
    void SetUp() override {
        if (::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=4m") != 0) {
            GTEST_SKIP() << "mounting a small disk needs root";
        }
        mounted_ = true;
    }
    void TearDown() override {
        if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
    }
    TempFolder folder_;
    bool mounted_ = false;
};

TEST_F(FullDisk, OldBlobsMakeRoomWhateverTheLimitSays) {
    DiskUnderTest disk(1ULL << 40, folder_.path() / "data");
    for (unsigned i = 0; i < 12; ++i) {
        disk.now = 1'000 + i;
        const auto done = put_blob(disk.store(), content_of(600'000, i));
        ASSERT_TRUE(done) << i << ": " << done.error().message;
    }
    EXPECT_FALSE(disk.open_blob(content_of(600'000, 0)));
    EXPECT_TRUE(disk.open_blob(content_of(600'000, 11)));
    const auto room = test::run(disk.store().reserve(8'000'000));
    ASSERT_FALSE(room);
    EXPECT_EQ(room.error().kind, ErrorKind::no_space);
}

TEST_F(FullDisk, NothingHalfWrittenStaysAndTheStoreRecovers) {
    DiskUnderTest disk(1ULL << 40, folder_.path() / "data");
    ASSERT_TRUE(put_blob(disk.store(), content_of(100'000)));
    const auto ballast = folder_.path() / "ballast";
    {
        // Everything that is left, to the last byte.
        const auto file = File::create_new(ballast);
        ASSERT_TRUE(file);
        const auto block = std::string(4096, 'b');
        for (std::uint64_t at = 0; file->write_at(at, block); at += block.size()) {
        }
    }
    const auto kept = disk.open_blob(content_of(100'000));
    ASSERT_TRUE(kept) << "what is there is served";
    const auto full = put_blob(disk.store(), content_of(500'000, 2));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().kind, ErrorKind::no_space);
    EXPECT_EQ(disk.files_in(disk.layout().partials()), 0u);
    fs::remove(ballast);
    const auto again = put_blob(disk.store(), content_of(500'000, 2));
    EXPECT_TRUE(again) << again.error().message;
    EXPECT_TRUE(disk.open_blob(content_of(500'000, 2)));
}

}  // namespace
}  // namespace hubkeep
