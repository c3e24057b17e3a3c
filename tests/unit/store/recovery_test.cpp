// What a kill, a power cut or a hand leaves behind, made by hand, and what the next start makes of
// it: a blob is there and whole or it is not there, and nothing sound is lost.

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/store/disk_under_test.hpp"

namespace hubkeep {
namespace {

using test::begin_partial;
using test::content_of;
using test::DiskUnderTest;
using test::put_blob;
using test::read_all;
using test::spill;

class Recovery : public testing::Test {
  protected:
    static std::string content(unsigned number) { return content_of(5'000, number); }
    static Digest digest(unsigned number) { return digest_of(DigestKind::sha256, content(number)); }
    void put(unsigned count) {
        for (unsigned i = 0; i < count; ++i) ASSERT_TRUE(put_blob(disk_.store(), content(i)));
    }
    void remember_partial(unsigned number) {
        auto partial = begin_partial(disk_.store(), content(number));
        ASSERT_TRUE(partial);
        ASSERT_TRUE(partial->file.write_at(0, content(number)));
        Extents there;
        there.add({0, 1'000});
        ASSERT_TRUE(test::run(disk_.store().checkpoint(*partial, there)));
    }
    void expect_served(unsigned number) {
        const auto blob = disk_.open_blob(content(number));
        ASSERT_TRUE(blob) << number;
        EXPECT_EQ(read_all(*blob->file), content(number));
    }
    void expect_all_served(unsigned count) {
        for (unsigned i = 0; i < count; ++i) expect_served(i);
        EXPECT_EQ(disk_.store().usage().blobs, count);
        EXPECT_EQ(disk_.store().usage().blob_bytes, count * 5'000u);
    }
    // Rows, files and the count agree, and the place can be filled again.
    void expect_absent_or_whole(unsigned number) {
        const bool has_row = disk_.reader().blob(digest(number)).has_value();
        EXPECT_EQ(has_row, fs::exists(disk_.place_of(content(number))));
        if (has_row) expect_served(number);
        EXPECT_EQ(disk_.store().usage().blob_bytes, has_row ? 5'000u : 0u);
        const auto again = put_blob(disk_.store(), content(number));
        ASSERT_TRUE(again) << again.error().message;
        expect_served(number);
        EXPECT_EQ(disk_.store().usage().blob_bytes, 5'000u);
        EXPECT_EQ(disk_.store().usage().partial_bytes, 0u);
        EXPECT_EQ(disk_.files_in(partials()), 0u);
    }
    fs::path partials() const { return disk_.layout().partials(); }
    fs::path quarantine() const { return disk_.layout().quarantine(); }

    DiskUnderTest disk_{1'000'000};
};

TEST_F(Recovery, AFileWithoutARowIsServedAgain) {
    put(3);
    ASSERT_TRUE(disk_.index().write_now({DropBlob{digest(1)}}));
    disk_.reopen();
    expect_all_served(3);
}

TEST_F(Recovery, ARowWithoutAFileIsDropped) {
    put(3);
    disk_.close();
    fs::remove(disk_.place_of(content(1)));
    disk_.open();
    EXPECT_FALSE(disk_.reader().blob(digest(1)));
    EXPECT_FALSE(disk_.open_blob(content(1)));
    expect_served(0);
    EXPECT_EQ(disk_.store().usage().blobs, 2u);
    EXPECT_EQ(disk_.store().usage().blob_bytes, 10'000u);
}

TEST_F(Recovery, AnEmptyFileThatShouldNotBeIsNoBlob) {
    ASSERT_TRUE(put_blob(disk_.store(), ""));
    disk_.close();
    fs::remove(disk_.index_path());
    spill(disk_.place_of(content(0)), "");
    disk_.open();
    EXPECT_FALSE(disk_.open_blob(content(0)));
    EXPECT_EQ(disk_.files_in(quarantine()), 1u);
    EXPECT_TRUE(disk_.open_blob("")) << "the blob that is empty by right";
}

TEST_F(Recovery, OnlyRememberedPartialsStay) {
    remember_partial(1);
    disk_.close();
    const auto foreign = disk_.layout().partial(digest(2), 7);
    const auto stale = disk_.layout().partial(digest(1), 7);
    spill(foreign, "left by a kill");
    spill(stale, "an earlier file for the same blob");
    disk_.open();
    EXPECT_FALSE(fs::exists(foreign));
    EXPECT_FALSE(fs::exists(stale));
    EXPECT_EQ(disk_.files_in(partials()), 1u);
    EXPECT_EQ(disk_.store().usage().partial_bytes, 1'000u);
    const auto partial = begin_partial(disk_.store(), content(1));
    ASSERT_TRUE(partial);
    EXPECT_EQ(partial->present.encode(), "0-1000");
}

TEST_F(Recovery, ARowOfAPartialWithoutItsFileIsDropped) {
    remember_partial(1);
    disk_.close();
    fs::remove_all(partials());
    disk_.open();
    EXPECT_FALSE(disk_.reader().partial(digest(1)));
    EXPECT_EQ(disk_.store().usage().partial_bytes, 0u);
}

TEST_F(Recovery, AFileThatIsFoundTakesThePlaceOfItsPartial) {
    put(1);
    ASSERT_TRUE(disk_.index().write_now({DropBlob{digest(0)}}));
    remember_partial(0);
    disk_.reopen();
    expect_served(0);
    EXPECT_FALSE(disk_.reader().partial(digest(0)));
    EXPECT_EQ(disk_.store().usage().partial_bytes, 0u);
    EXPECT_EQ(disk_.files_in(partials()), 0u);
}

TEST_F(Recovery, WhatIsNotOursIsLeftAlone) {
    const auto root = disk_.layout().data_dir();
    const auto sha = disk_.layout().blobs(DigestKind::sha256);
    const auto hex = digest(1).hex();
    const fs::path strange[] = {
        root / "notes.txt",
        sha / "lost+found" / "x",
        sha / hex.substr(0, 2) / "README",
        sha / "zz" / hex,  // in the folder of another digest
        sha / hex.substr(0, 2) / (hex + "~"),
        partials() / "something",
    };
    disk_.close();
    for (const auto& path : strange) spill(path, "mine");
    disk_.open();
    for (const auto& path : strange) EXPECT_EQ(test::slurp(path), "mine") << path;
    EXPECT_EQ(disk_.store().usage().blobs, 0u);
    EXPECT_EQ(disk_.files_in(quarantine()), 0u);
}

TEST_F(Recovery, ALostIndexCostsNoBlob) {
    put(20);
    disk_.close();
    for (const char* const ending : {"", "-wal", "-shm"})
        fs::remove(disk_.index_path().string() + ending);
    disk_.open();
    expect_all_served(20);
}

TEST_F(Recovery, ATruncatedIndexCostsNoBlob) {
    put(20);
    disk_.close();
    const auto sound = test::slurp(disk_.index_path());
    for (std::size_t part = 0; part < 10; ++part) {
        spill(disk_.index_path(), sound.substr(0, sound.size() * part / 10));
        disk_.open();
        expect_all_served(20);
        disk_.close();
    }
}

TEST_F(Recovery, FlippedBitsInTheIndexCostNoBlob) {
    put(20);
    disk_.close();
    const auto sound = test::slurp(disk_.index_path());
    std::mt19937 random(11);
    for (int round = 0; round < 100; ++round) {
        auto broken = sound;
        // user_version, from byte 60 on, says that a newer version wrote the file; that is
        // believed.
        std::size_t at = random() % broken.size();
        while (at >= 60 && at < 64) at = random() % broken.size();
        broken[at] = static_cast<char>(broken[at] ^ (1 << random() % 8));
        spill(disk_.index_path(), broken);
        disk_.open();
        if (!HasFailure()) {
            for (unsigned i = 0; i < 20; ++i) expect_served(i);
        }
        if (HasFailure()) FAIL() << "byte " << at;
        disk_.close();
    }
}

// The steps of a publish, and a kill after each.
TEST_F(Recovery, KilledWhileFilling) {
    disk_.close();
    spill(disk_.layout().partial(digest(0), 1), content(0));
    disk_.open();
    EXPECT_EQ(disk_.files_in(partials()), 0u);
    expect_absent_or_whole(0);
}

TEST_F(Recovery, KilledAfterACheckpoint) {
    remember_partial(0);
    disk_.reopen();
    EXPECT_EQ(disk_.files_in(partials()), 1u);
    expect_absent_or_whole(0);
}

TEST_F(Recovery, KilledAfterTheRenameBeforeTheRow) {
    remember_partial(0);
    disk_.close();
    fs::create_directories(disk_.place_of(content(0)).parent_path());
    for (const auto& entry : fs::directory_iterator(partials())) {
        fs::rename(entry, disk_.place_of(content(0)));
    }
    disk_.open();
    expect_served(0);
    expect_absent_or_whole(0);
}

TEST_F(Recovery, CutOffAfterTheRenameWithTheFolderUnsynced) {
    // The rename may be undone by the cut: then the partial is back, and its row too.
    remember_partial(0);
    const auto row = *disk_.reader().partial(digest(0));
    put(1);
    disk_.close();
    fs::rename(disk_.place_of(content(0)), disk_.layout().partial(digest(0), row.generation));
    disk_.open();
    EXPECT_FALSE(disk_.open_blob(content(0)));
    ASSERT_TRUE(disk_.index().write_now({PutPartial{digest(0), row}}));
    disk_.reopen();
    expect_absent_or_whole(0);
}

TEST_F(Recovery, KilledAfterTheRow) {
    put(1);
    // No stop: the log of the index is as the commit left it.
    const auto copy = disk_.layout().data_dir().parent_path() / "copy";
    fs::copy(disk_.layout().data_dir(), copy, fs::copy_options::recursive);
    DiskUnderTest other(1'000'000, copy);
    const auto blob = other.open_blob(content(0));
    ASSERT_TRUE(blob);
    EXPECT_EQ(read_all(*blob->file), content(0));
    EXPECT_EQ(other.store().usage().blob_bytes, 5'000u);
}

// And those of an eviction.
TEST_F(Recovery, KilledBetweenTheRowAndTheFileOfAnEviction) {
    put(1);
    ASSERT_TRUE(disk_.index().write_now({DropBlob{digest(0)}}));
    disk_.reopen();
    expect_served(0);
    expect_absent_or_whole(0);
}

TEST_F(Recovery, APowerCutThatBringsBackTheRowOfAnEvictedFile) {
    put(1);
    disk_.close();
    fs::remove(disk_.place_of(content(0)));
    disk_.open();
    expect_absent_or_whole(0);
}

}  // namespace
}  // namespace hubkeep
