#pragma once
// What every BlobStore keeps to. An implementation's test includes this once and instantiates
// BlobStoreConformance with a way to make one; see disk_blob_store_test.cpp.

#include <functional>
#include <memory>

#include "tests/unit/store/store_under_test.hpp"

namespace hubkeep::test {

struct StoreMaker {
    const char* name;
    std::function<std::unique_ptr<StoreUnderTest>(std::uint64_t limit)> make;
};

constexpr std::uint64_t store_limit = 100'000;

class BlobStoreConformance : public testing::TestWithParam<StoreMaker> {
  protected:
    BlobStore& store() { return made_->store(); }
    Index& index() { return made_->index(); }
    void reopen() { made_->reopen(); }
    void set_time(std::int64_t now) { made_->now = now; }
    std::optional<Blob> open(const std::string& content, DigestKind kind = DigestKind::sha256) {
        return store().open(digest_of(kind, content), made_->index().reader(0));
    }
    void put(const std::string& content, DigestKind kind = DigestKind::sha256) {
        const auto done = put_blob(store(), content, kind);
        ASSERT_TRUE(done) << done.error().message;
    }
    Partial begin(const std::string& content) {
        auto partial = begin_partial(store(), content);
        EXPECT_TRUE(partial) << partial.error().message;
        return std::move(*partial);
    }
    std::unique_ptr<Reservation> reserve(std::uint64_t bytes, const Partial* partial = nullptr) {
        auto room = run(store().reserve(bytes, partial));
        EXPECT_TRUE(room) << room.error().message;
        return room ? std::move(*room) : nullptr;
    }
    static Extents extents(std::initializer_list<ByteRange> ranges) {
        Extents out;
        for (const auto& range : ranges) out.add(range);
        return out;
    }
    void expect_usage(std::uint64_t blobs, std::uint64_t partials, std::uint64_t reserved) {
        const auto usage = store().usage();
        EXPECT_EQ(usage.blob_bytes, blobs);
        EXPECT_EQ(usage.partial_bytes, partials);
        EXPECT_EQ(usage.reserved_bytes, reserved);
    }

  private:
    std::unique_ptr<StoreUnderTest> made_ = GetParam().make(store_limit);
};

TEST_P(BlobStoreConformance, ABlobIsThereOnceItIsPublished) {
    for (const auto kind : {DigestKind::sha256, DigestKind::git_sha1}) {
        for (const std::size_t size : {0, 1, 40'000}) {
            const auto content = content_of(size);
            EXPECT_FALSE(open(content, kind));
            auto partial = begin_partial(store(), content, kind);
            ASSERT_TRUE(partial) << partial.error().message;
            ASSERT_TRUE(partial->file.write_at(0, content));
            EXPECT_FALSE(open(content, kind));
            const auto published = run(store().publish(*partial));
            ASSERT_TRUE(published) << published.error().message;
            const auto blob = open(content, kind);
            ASSERT_TRUE(blob);
            EXPECT_EQ(blob->size, size);
            EXPECT_EQ(read_all(*blob->file), content);
        }
    }
    reopen();
    EXPECT_TRUE(open(content_of(40'000)));
    EXPECT_TRUE(open("", DigestKind::git_sha1));
}

TEST_P(BlobStoreConformance, PresenceEndsWhenABlobIsEvicted) {
    const auto first = content_of(60'000, 1);
    const auto second = content_of(60'000, 2);
    put(first);
    auto blob = open(first);
    ASSERT_TRUE(blob);
    const auto presence = blob->presence;
    blob.reset();
    EXPECT_TRUE(presence.holds());
    put(second);
    EXPECT_FALSE(open(first));
    EXPECT_FALSE(presence.holds());
    EXPECT_TRUE(open(second)->presence.holds());
}

TEST_P(BlobStoreConformance, WhatIsTouchedLeavesLast) {
    const auto first = content_of(40'000, 1);
    const auto second = content_of(40'000, 2);
    put(first);
    set_time(2'000);
    put(second);
    set_time(3'000);
    store().touch(digest_of(DigestKind::sha256, first));
    put(content_of(40'000, 3));
    EXPECT_TRUE(open(first));
    EXPECT_FALSE(open(second));
}

TEST_P(BlobStoreConformance, WhoFilledAPartialGoesOnReadingIt) {
    const auto content = content_of(5'000);
    const auto partial = begin(content);
    ASSERT_TRUE(partial.file.write_at(0, content));
    ASSERT_TRUE(run(store().publish(partial)));
    EXPECT_EQ(read_all(partial.file), content);
}

TEST_P(BlobStoreConformance, AFileOfAnotherLengthIsNotPublished) {
    for (const std::size_t written : {0, 4'999, 5'001}) {
        const auto content = content_of(5'000);
        {
            const auto partial = begin(content);
            ASSERT_TRUE(partial.file.write_at(0, content_of(written)));
            const auto published = run(store().publish(partial));
            ASSERT_FALSE(published);
            EXPECT_EQ(published.error().kind, ErrorKind::corrupt);
        }
        EXPECT_FALSE(open(content));
        EXPECT_TRUE(begin(content).present.empty());
        expect_usage(0, 0, 0);
    }
}

TEST_P(BlobStoreConformance, WhatWasRememberedOfAPartialSurvivesARestart) {
    const auto content = content_of(10'000);
    const auto there = extents({{0, 3'000}, {6'000, 7'000}});
    {
        const auto partial = begin(content);
        EXPECT_TRUE(partial.present.empty());
        ASSERT_TRUE(partial.file.write_at(0, std::string_view(content).substr(0, 3'000)));
        ASSERT_TRUE(partial.file.write_at(6'000, std::string_view(content).substr(6'000, 1'000)));
        ASSERT_TRUE(run(store().checkpoint(partial, there)));
        // Written, but nobody was told.
        ASSERT_TRUE(partial.file.write_at(8'000, std::string_view(content).substr(8'000, 10)));
    }
    for (int round = 0; round < 2; ++round) {
        if (round == 1) reopen();
        expect_usage(0, 4'000, 0);
        const auto partial = begin(content);
        EXPECT_EQ(partial.present, there);
        std::string head(3'000, '\0');
        ASSERT_TRUE(partial.file.read_at(0, head));
        EXPECT_EQ(head, content.substr(0, 3'000));
    }
    const auto partial = begin(content);
    ASSERT_TRUE(partial.file.write_at(0, content));
    ASSERT_TRUE(run(store().publish(partial)));
    expect_usage(10'000, 0, 0);
    EXPECT_TRUE(open(content));
}

TEST_P(BlobStoreConformance, APartialThatNobodyRememberedStartsEmpty) {
    const auto content = content_of(10'000);
    {
        const auto partial = begin(content);
        ASSERT_TRUE(partial.file.write_at(0, std::string_view(content).substr(0, 3'000)));
    }
    const auto partial = begin(content);
    EXPECT_TRUE(partial.present.empty());
    EXPECT_EQ(*partial.file.size(), 0u);
}

TEST_P(BlobStoreConformance, APartialOfAnotherSizeStartsEmpty) {
    const auto digest = digest_of(DigestKind::sha256, "x");
    {
        const auto partial = run(store().open_partial(digest, 10'000));
        ASSERT_TRUE(partial);
        ASSERT_TRUE(partial->file.write_at(0, content_of(3'000)));
        ASSERT_TRUE(run(store().checkpoint(*partial, extents({{0, 3'000}}))));
    }
    const auto partial = run(store().open_partial(digest, 9'000));
    ASSERT_TRUE(partial);
    EXPECT_TRUE(partial->present.empty());
    expect_usage(0, 0, 0);
}

TEST_P(BlobStoreConformance, ADiscardedPartialIsGone) {
    const auto content = content_of(10'000);
    {
        const auto partial = begin(content);
        const auto room = reserve(10'000, &partial);
        ASSERT_TRUE(partial.file.write_at(0, std::string_view(content).substr(0, 3'000)));
        room->use(3'000);
        expect_usage(0, 3'000, 7'000);
        ASSERT_TRUE(run(store().checkpoint(partial, extents({{0, 3'000}}))));
        expect_usage(0, 3'000, 7'000);
        ASSERT_TRUE(run(store().discard(partial)));
        expect_usage(0, 0, 7'000);
        // The transfer may not have noticed yet.
        room->use(1'000);
        ASSERT_TRUE(run(store().checkpoint(partial, extents({{0, 4'000}}))));
        expect_usage(0, 0, 6'000);
    }
    expect_usage(0, 0, 0);
    EXPECT_FALSE(index().reader(0).partial(digest_of(DigestKind::sha256, content)));
    EXPECT_TRUE(begin(content).present.empty());
    EXPECT_FALSE(open(content));
}

TEST_P(BlobStoreConformance, BytesAreCountedOnceAtEveryStep) {
    const auto content = content_of(10'000);
    {
        const auto partial = begin(content);
        const auto room = reserve(10'000, &partial);
        expect_usage(0, 0, 10'000);
        ASSERT_TRUE(partial.file.write_at(0, content));
        room->use(4'000);
        expect_usage(0, 4'000, 6'000);
        ASSERT_TRUE(run(store().checkpoint(partial, extents({{0, 4'000}}))));
        room->use(6'000);
        expect_usage(0, 10'000, 0);
        ASSERT_TRUE(run(store().publish(partial)));
        expect_usage(10'000, 0, 0);
    }
    expect_usage(10'000, 0, 0);
    EXPECT_EQ(store().usage().blobs, 1u);
    EXPECT_EQ(store().usage().limit_bytes, store_limit);
    {
        const auto given_back = reserve(5'000);
        expect_usage(10'000, 0, 5'000);
    }
    expect_usage(10'000, 0, 0);
    reopen();
    expect_usage(10'000, 0, 0);
    EXPECT_EQ(store().usage().blobs, 1u);
}

TEST_P(BlobStoreConformance, UnrememberedBytesStopCountingWhenThePartialIsLetGo) {
    const auto content = content_of(10'000);
    {
        const auto partial = begin(content);
        const auto room = reserve(10'000, &partial);
        room->use(4'000);
        ASSERT_TRUE(partial.file.write_at(0, std::string_view(content).substr(0, 4'000)));
        ASSERT_TRUE(run(store().checkpoint(partial, extents({{0, 4'000}}))));
        room->use(2'000);
        expect_usage(0, 6'000, 4'000);
    }
    expect_usage(0, 4'000, 0);
}

TEST_P(BlobStoreConformance, WhatIsLargerThanTheLimitIsRefusedAtOnce) {
    put(content_of(50'000));
    // A Hub may claim any size, up to those that would wrap around.
    for (const std::uint64_t bytes : {store_limit + 1, UINT64_MAX, UINT64_MAX - 50'000}) {
        const auto room = run(store().reserve(bytes));
        ASSERT_FALSE(room) << bytes;
        EXPECT_EQ(room.error().kind, ErrorKind::no_space);
    }
    EXPECT_TRUE(open(content_of(50'000))) << "nothing was evicted for it";
}

TEST_P(BlobStoreConformance, TheLeastRecentlyUsedLeavesFirst) {
    for (unsigned i = 0; i < 4; ++i) {
        set_time(1'000 + i);
        put(content_of(20'000, i));
    }
    set_time(2'000);
    EXPECT_TRUE(open(content_of(20'000, 0)));
    const auto room = reserve(35'000);
    EXPECT_TRUE(open(content_of(20'000, 0)));
    EXPECT_FALSE(open(content_of(20'000, 1)));
    EXPECT_TRUE(open(content_of(20'000, 2)));
    EXPECT_TRUE(open(content_of(20'000, 3)));
    expect_usage(60'000, 0, 35'000);
}

// Those that were read, and those that came meanwhile, leave in one order.
TEST_P(BlobStoreConformance, WhereEverythingIsInSteadyUseTheOrderIsThatOfTheUses) {
    const auto content = [](unsigned i) { return content_of(20'000, i); };
    const auto read_at = [&](std::int64_t time, unsigned i) {
        set_time(time);
        EXPECT_TRUE(open(content(i)));
    };
    for (unsigned i = 0; i < 3; ++i) {
        set_time(1'000 + i);
        put(content(i));
    }
    read_at(2'000, 2);
    read_at(2'010, 0);
    set_time(2'015);
    put(content(3));
    read_at(2'020, 1);
    const auto usage = [&] { return store().usage().blob_bytes; };
    const auto first = reserve(25'000);  // a full store from here on
    EXPECT_EQ(usage(), 60'000u);
    EXPECT_FALSE(open(content(2)));
    const auto second = reserve(34'000);
    EXPECT_EQ(usage(), 40'000u);
    EXPECT_FALSE(open(content(0)));
    const auto third = reserve(15'000);
    EXPECT_EQ(usage(), 20'000u);
    EXPECT_FALSE(open(content(3)));
    EXPECT_TRUE(open(content(1)));
}

TEST_P(BlobStoreConformance, WhatIsReadIsNotEvicted) {
    for (unsigned i = 0; i < 4; ++i) {
        set_time(1'000 + i);
        put(content_of(20'000, i));
    }
    const auto oldest = open(content_of(20'000, 0));
    ASSERT_TRUE(oldest);
    set_time(1'001);  // the use above must not be what saves it
    const auto room = reserve(75'000);
    EXPECT_TRUE(open(content_of(20'000, 0)));
    for (unsigned i = 1; i < 4; ++i) EXPECT_FALSE(open(content_of(20'000, i)));
    EXPECT_EQ(read_all(*oldest->file), content_of(20'000, 0));
    const auto too_much = run(store().reserve(10'000));
    ASSERT_FALSE(too_much);
    EXPECT_EQ(too_much.error().kind, ErrorKind::no_space);
}

TEST_P(BlobStoreConformance, WhatIsFilledIsNotEvictedButAnOldPartialIs) {
    const auto content = content_of(60'000);
    {
        const auto partial = begin(content);
        const auto room = reserve(60'000, &partial);
        ASSERT_TRUE(partial.file.write_at(0, std::string_view(content).substr(0, 50'000)));
        room->use(50'000);
        ASSERT_TRUE(run(store().checkpoint(partial, extents({{0, 50'000}}))));
        EXPECT_FALSE(run(store().reserve(60'000)));
    }
    expect_usage(0, 50'000, 0);
    const auto room = reserve(60'000);
    expect_usage(0, 0, 60'000);
    EXPECT_TRUE(begin(content).present.empty());
}

TEST_P(BlobStoreConformance, BlobsAndPartialsLeaveInOneOrder) {
    const auto remember_half = [&](const std::string& content) {
        const auto partial = begin(content);
        const auto half = content.size() / 2;
        ASSERT_TRUE(partial.file.write_at(0, std::string_view(content).substr(0, half)));
        ASSERT_TRUE(run(store().checkpoint(partial, extents({{0, half}}))));
    };
    set_time(1'001);
    remember_half(content_of(40'000, 1));
    set_time(1'002);
    put(content_of(20'000, 2));
    set_time(1'003);
    remember_half(content_of(40'000, 3));
    expect_usage(20'000, 40'000, 0);
    const auto first = reserve(55'000);
    expect_usage(20'000, 20'000, 55'000);
    EXPECT_TRUE(begin(content_of(40'000, 1)).present.empty());
    const auto second = reserve(20'000);
    expect_usage(0, 20'000, 75'000);
    EXPECT_EQ(begin(content_of(40'000, 3)).present.total(), 20'000u);
}

TEST_P(BlobStoreConformance, PublishingWhatIsAlreadyThereChangesNothing) {
    const auto content = content_of(10'000);
    put(content);
    const auto reader = open(content);
    ASSERT_TRUE(reader);
    put(content);
    expect_usage(10'000, 0, 0);
    EXPECT_EQ(store().usage().blobs, 1u);
    EXPECT_EQ(read_all(*reader->file), content);
    EXPECT_TRUE(open(content));
}

}  // namespace hubkeep::test
