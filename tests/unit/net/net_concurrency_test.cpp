// Several io threads at once: what they share must hold under ThreadSanitizer.

#include <gtest/gtest.h>

#include <set>

#include "server/net/listener.hpp"
#include "server/net/lookup.hpp"
#include "tests/unit/net/support.hpp"

namespace hubkeep::test {
namespace {

TEST(IoThreadsConcurrency, PostRunsOnTheThreadItWasGivenTo) {
    Threads threads(3);
    std::mutex mutex;
    std::set<std::thread::id> seen;
    threads.io.on_each([&](IoThread&) {
        const std::lock_guard lock(mutex);
        seen.insert(std::this_thread::get_id());
    });
    EXPECT_EQ(seen.size(), 3u);
    std::set<std::size_t> turns;
    for (int i = 0; i < 3; ++i) turns.insert(threads.io.next().number());
    EXPECT_EQ(turns.size(), 3u);
}

TEST(IoThreadsConcurrency, LookupsOfManyThreadsEnd) {
    Threads threads(3);
    std::vector<std::future<bool>> found;
    for (std::size_t i = 0; i < 12; ++i) {
        found.push_back(std::async(std::launch::async, [&, i] {
            auto& thread = threads[i % 3];
            // Every other one gives up at once and leaves its lookup behind.
            const auto deadline = SteadyClock::now() + (i % 2 == 0 ? seconds(10) : seconds(0));
            return run_on(thread, lookup(thread, "localhost", 80, deadline)).has_value();
        }));
    }
    for (std::size_t i = 0; i < found.size(); i += 2) EXPECT_TRUE(found[i].get());
}

Task<void> greet(IoThread& thread, Socket socket, std::atomic<int>& greeted) {
    Stream stream(thread, std::move(socket), nullptr);
    stream.expires_after(seconds(10));
    const asio::const_buffer piece("hi", 2);
    const auto written = co_await stream.write({&piece, 1});
    if (written) ++greeted;
    co_await stream.shutdown();
}

TEST(ListenerConcurrency, SpreadsConnectionsAndStopsWhileTheyCome) {
    Threads threads(3);
    std::atomic<int> greeted = 0;
    auto opened = Listener::open(
        threads.io, {.host = "127.0.0.1", .port = 0},
        [&](IoThread& thread, Socket socket) {
            thread.tasks().spawn("greet", greet(thread, std::move(socket), greeted));
        },
        threads.log);
    ASSERT_TRUE(opened);
    auto& listener = **opened;
    listener.start();
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
        clients.emplace_back([&] {
            for (int n = 0; n < 50; ++n) {
                EXPECT_EQ(RawSocket::connect(listener.port()).read_all(), "hi");
            }
        });
    }
    for (auto& client : clients) client.join();
    // The greeter counts after the client may already have read.
    while (greeted < 200) std::this_thread::yield();
    opened->reset();
}

}  // namespace
}  // namespace hubkeep::test
