// Many threads publish, read and evict over a limit that holds half of what they want, while files
// are taken away behind the store's back. Every byte that is read is right, the limit holds, and in
// the end rows, files and counts agree. What is not there any more was announced before.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "tests/unit/store/disk_under_test.hpp"

namespace hubkeep {
namespace {

using test::begin_partial;
using test::content_of;
using test::DiskUnderTest;
using test::put_blob;
using test::read_all;

constexpr unsigned thread_count = 8;
constexpr unsigned blob_count = 40;
constexpr std::size_t blob_bytes = 8'000;
constexpr std::uint64_t limit = blob_count * blob_bytes / 2;

struct Workload {
    DiskUnderTest disk{limit};
    // One transfer per digest at a time is the caller's part of the contract.
    std::array<std::mutex, blob_count> transfers;
    std::array<std::string, blob_count> contents;
    std::atomic<unsigned> hits{0};
    std::atomic<unsigned> published{0};
    std::atomic<unsigned> refused{0};

    Workload() {
        for (unsigned i = 0; i < blob_count; ++i) contents[i] = content_of(blob_bytes, i);
    }
};

// Of the blobs that a thread has opened.
using Presences = std::array<Changes::Mark, blob_count>;

void read_or_fill(Workload& work, unsigned which, IndexReader& reader, std::mt19937& random,
                  Presences* presences) {
    const auto& content = work.contents[which];
    auto blob = work.disk.store().open(digest_of(DigestKind::sha256, content), reader);
    if (presences != nullptr) {
        if (!blob) EXPECT_FALSE((*presences)[which].holds());
        if (blob) (*presences)[which] = blob->presence;
    }
    if (blob) {
        EXPECT_EQ(read_all(*blob->file), content);
        ++work.hits;
        return;
    }
    const std::unique_lock lock(work.transfers[which], std::try_to_lock);
    if (!lock.owns_lock()) return;
    if (random() % 8 == 0) {
        // A transfer that breaks off: half of it is remembered.
        const auto partial = begin_partial(work.disk.store(), content);
        ASSERT_TRUE(partial);
        const auto half = std::string_view(content).substr(0, blob_bytes / 2);
        ASSERT_TRUE(partial->file.write_at(0, half));
        Extents there;
        there.add({0, half.size()});
        ASSERT_TRUE(test::run(work.disk.store().checkpoint(*partial, there)));
        return;
    }
    const auto done = put_blob(work.disk.store(), content);
    if (done) {
        ++work.published;
    } else {
        EXPECT_EQ(done.error().kind, ErrorKind::no_space) << done.error().message;
        ++work.refused;
    }
}

void expect_everything_agrees(DiskUnderTest& disk) {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    for (const auto& [digest, row] : disk.reader().blobs_after(std::nullopt, 1'000)) {
        ++rows;
        bytes += row.size;
        EXPECT_EQ(fs::file_size(disk.layout().blob(digest)), row.size);
    }
    EXPECT_EQ(disk.files_in(disk.layout().data_dir() / "blobs"), rows);
    const auto usage = disk.store().usage();
    EXPECT_EQ(usage.blobs, rows);
    EXPECT_EQ(usage.blob_bytes, bytes);
    EXPECT_EQ(usage.reserved_bytes, 0u);
    std::uint64_t partial_bytes = 0;
    const auto partials = disk.reader().partials_after(std::nullopt, 1'000);
    for (const auto& [digest, row] : partials) partial_bytes += row.present;
    EXPECT_EQ(usage.partial_bytes, partial_bytes);
    EXPECT_EQ(disk.files_in(disk.layout().partials()), partials.size());
}

void run_workload(Workload& work, bool steal) {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < thread_count; ++t) {
        threads.emplace_back([&work, t, steal] {
            auto reader = work.disk.index().new_reader();
            ASSERT_TRUE(reader);
            std::mt19937 random(t);
            Presences presences;
            for (int i = 0; i < 120; ++i) {
                const unsigned which = random() % blob_count;
                if (steal && random() % 50 == 0) {
                    std::error_code ignored;
                    fs::remove(work.disk.place_of(work.contents[which]), ignored);
                } else {
                    // What is stolen is gone before anybody knows.
                    read_or_fill(work, which, **reader, random, steal ? nullptr : &presences);
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
}

TEST(StoreConcurrency, EveryByteIsRightAndTheLimitHolds) {
    Workload work;
    std::jthread watcher([&work](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const auto usage = work.disk.store().usage();
            // Halves that were written without a promise may come on top, one for each thread.
            EXPECT_LE(usage.blob_bytes + usage.partial_bytes + usage.reserved_bytes,
                      limit + thread_count * blob_bytes / 2);
            std::this_thread::yield();
        }
    });
    run_workload(work, false);
    watcher.request_stop();
    watcher.join();
    EXPECT_GT(work.hits, 0u);
    EXPECT_GT(work.published, blob_count / 2) << "something must have been evicted";
    work.disk.store().wait_until_examined();
    expect_everything_agrees(work.disk);
    work.disk.reopen();
    expect_everything_agrees(work.disk);
}

TEST(StoreConcurrency, FilesThatAreTakenAwayAreNoticed) {
    Workload work;
    run_workload(work, true);
    work.disk.reopen();
    expect_everything_agrees(work.disk);
    for (const auto& content : work.contents) {
        const auto blob = work.disk.open_blob(content);
        if (blob) EXPECT_EQ(read_all(*blob->file), content);
    }
}

TEST(StoreConcurrency, TheScanRunsBesideTransfersAndEvictions) {
    Workload work;
    for (unsigned i = 0; i < blob_count / 2; ++i) {
        ASSERT_TRUE(put_blob(work.disk.store(), work.contents[i]));
    }
    work.disk.close();
    fs::remove(work.disk.index_path());
    work.disk.open_without_waiting();
    run_workload(work, false);
    work.disk.store().wait_until_examined();
    expect_everything_agrees(work.disk);
    for (const auto& content : work.contents) {
        const auto blob = work.disk.open_blob(content);
        if (blob) EXPECT_EQ(read_all(*blob->file), content);
    }
}

TEST(IndexConcurrency, ReadersSeeCommitsInOrderAndWritersGetTheirAnswer) {
    test::TempFolder folder;
    auto index = SqliteIndex::open(folder.path() / "index.sqlite", 2, test::quiet());
    ASSERT_TRUE(index) << index.error().message;
    const Scope scope{"model", "org/name", ""};
    constexpr int writes = 300;
    std::vector<std::jthread> threads;
    for (int w = 0; w < 3; ++w) {
        threads.emplace_back([&, w] {
            const auto name = "branch" + std::to_string(w);
            for (int i = 1; i <= writes; ++i) {
                std::vector<IndexWrite> both{
                    PutRevision{scope, name, {std::to_string(i), i}},
                    PutEntries{scope, name, {{std::to_string(i), {.kind = EntryKind::absent}}}}};
                if (w == 0) (*index)->post(std::move(both));
                else if (w == 1) ASSERT_TRUE((*index)->write_now(std::move(both)));
                else ASSERT_TRUE(test::run((*index)->write(std::move(both))));
            }
        });
    }
    for (std::size_t r = 0; r < 2; ++r) {
        threads.emplace_back([&, r] {
            auto& reader = (*index)->reader(r);
            std::array<std::int64_t, 3> last{};
            for (int i = 0; i < 2'000; ++i) {
                const auto w = static_cast<std::size_t>(i % 3);
                const auto name = "branch" + std::to_string(w);
                const auto row = reader.revision(scope, name);
                if (!row) continue;
                EXPECT_GE(row->confirmed_at, last[w]);
                last[w] = row->confirmed_at;
                EXPECT_TRUE(reader.entry(scope, name, row->commit)) << "committed together";
            }
        });
    }
    threads.clear();
    (*index)->stop();
    for (int w = 0; w < 3; ++w) {
        const auto row = (*index)->reader(0).revision(scope, "branch" + std::to_string(w));
        ASSERT_TRUE(row);
        EXPECT_EQ(row->confirmed_at, writes);
    }
}

}  // namespace
}  // namespace hubkeep
