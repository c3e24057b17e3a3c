// Many readers on several io threads follow one transfer; none misses a wake-up, and each sees
// every byte exactly once or the failure.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "server/store/flight.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t reader_count = 60;
constexpr std::size_t thread_count = 3;
constexpr std::uint64_t piece = 64 * 1024;
constexpr std::uint64_t size = 256 * piece;

struct Ledger {
    std::atomic<std::size_t> complete{0};
    std::atomic<std::size_t> failed{0};
};

Task<void> read_all(std::shared_ptr<Flight> flight, bool whole, Ledger& ledger) {
    std::uint64_t position = 0;
    while (position < flight->size()) {
        const auto until = co_await flight->readable(position, whole, TimePoint::max());
        if (!until) {
            ++ledger.failed;
            co_return;
        }
        EXPECT_GE(*until, position);
        position = *until;
    }
    ++ledger.complete;
}

void run(bool succeed, Ledger& ledger) {
    char name[] = "/tmp/hubkeep-flight-XXXXXX";
    const fs::path folder = mkdtemp(name);
    const std::string content(piece, 'q');
    Hasher hasher(DigestKind::sha256, size);
    for (std::uint64_t at = 0; at < size; at += piece) hasher.update(content.data(), piece);
    const auto digest = hasher.finish();
    auto flight = std::make_shared<Flight>(digest, size);
    {
        Partial partial;
        partial.digest = digest;
        partial.size = size;
        partial.file = *File::open_write(folder / "partial");
        flight->opened(std::move(partial));
    }
    std::vector<std::unique_ptr<asio::io_context>> contexts;
    for (std::size_t i = 0; i < thread_count; ++i) {
        contexts.push_back(std::make_unique<asio::io_context>(1));
    }
    for (std::size_t i = 0; i < reader_count; ++i) {
        asio::co_spawn(contexts[i % thread_count]->get_executor(),
                       read_all(flight, i % 2 == 0, ledger), asio::detached);
    }
    std::vector<std::jthread> threads;
    for (auto& context : contexts) threads.emplace_back([&context] { context->run(); });

    const auto claim = flight->claim({0, size});
    for (std::uint64_t at = 0; at < size; at += piece) {
        if (!succeed && at == size / 2) {
            flight->fail({ErrorKind::closed, "cut"});
            break;
        }
        ASSERT_TRUE(flight->partial().file.write_at(at, content));
        flight->hash(at, content);
        flight->advance(claim->id, piece);
    }
    if (succeed) {
        ASSERT_TRUE(flight->begin_verifying());
        ASSERT_TRUE(*flight->hash_more(size));
        ASSERT_TRUE(flight->matches());
        flight->set_verified();
    }
    threads.clear();
    fs::remove_all(folder);
}

TEST(FlightConcurrency, EveryReaderGetsEverything) {
    Ledger ledger;
    run(true, ledger);
    EXPECT_EQ(ledger.complete, reader_count);
}

TEST(FlightConcurrency, EveryReaderLearnsOfTheFailure) {
    Ledger ledger;
    run(false, ledger);
    EXPECT_EQ(ledger.failed, reader_count);
}

}  // namespace
}  // namespace hubkeep
