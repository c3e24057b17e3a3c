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

// A flight of `content` over and over, in a folder of its own.
struct Scene {
    Scene() {
        char name[] = "/tmp/hubkeep-flight-XXXXXX";
        folder = mkdtemp(name);
        Hasher hasher(DigestKind::sha256, size);
        for (std::uint64_t at = 0; at < size; at += piece) hasher.update(content.data(), piece);
        Partial partial;
        partial.digest = hasher.finish();
        partial.size = size;
        partial.file = *File::open_write(folder / "partial");
        flight = std::make_shared<Flight>(partial.digest, size);
        flight->opened(std::move(partial));
    }
    ~Scene() { fs::remove_all(folder); }

    const std::string content = std::string(piece, 'q');
    fs::path folder;
    std::shared_ptr<Flight> flight;
};

// One connection of a fetch in portions: it takes what is left until nothing is, and hashes what
// came out of order when that is its turn.
void bring_portions(const Scene& scene, std::atomic<std::uint64_t>& written) {
    auto& flight = *scene.flight;
    const ByteRange all{0, size};
    const Flight::Portion portion{20 * piece, 2 * piece};
    for (auto claim = flight.next_claim(0, all, portion); claim;
         claim = flight.next_claim(claim->id, all, portion)) {
        for (;;) {
            const auto rest = flight.claimed(claim->id);
            if (rest.empty()) break;
            const std::string_view part(scene.content.data(), std::min(piece, rest.size()));
            ASSERT_TRUE(flight.partial().file.write_at(rest.begin, part));
            flight.hash(rest.begin, part);
            written += part.size();
            flight.advance(claim->id, part.size());
            if (!flight.begin_catching_up()) continue;
            while (!flight.catch_up().value()) {
            }
        }
    }
}

TEST(FlightConcurrency, ConnectionsThatShareAFileBringAllOfIt) {
    const Scene scene;
    auto& flight = scene.flight;
    Ledger ledger;
    asio::io_context context(1);
    for (std::size_t i = 0; i < reader_count; ++i) {
        asio::co_spawn(context.get_executor(), read_all(flight, i % 2 == 0, ledger),
                       asio::detached);
    }
    std::jthread readers([&context] { context.run(); });
    std::atomic<std::uint64_t> written{0};
    std::vector<std::jthread> connections;
    for (int n = 0; n < 6; ++n) {
        connections.emplace_back([&] { bring_portions(scene, written); });
    }
    connections.clear();
    EXPECT_EQ(written, size) << "a byte came twice, or not at all";
    EXPECT_TRUE(flight->is_full());
    EXPECT_EQ(flight->claims(), 0u);
    ASSERT_TRUE(flight->begin_verifying());
    while (!flight->catch_up().value()) {
    }
    ASSERT_TRUE(flight->matches());
    flight->set_verified();
    readers.join();
    EXPECT_EQ(ledger.complete, reader_count);
}

void run(bool succeed, Ledger& ledger) {
    const Scene scene;
    const auto& flight = scene.flight;
    const auto& content = scene.content;
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

    const auto claim = flight->next_claim(0, {0, size}, {});
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
        ASSERT_TRUE(*flight->catch_up());
        ASSERT_TRUE(flight->matches());
        flight->set_verified();
    }
    threads.clear();
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
