// Sessions and clients on several io threads, with drains and closed streams in the middle.

#include <gtest/gtest.h>

#include "server/http/client.hpp"
#include "tests/unit/http/support.hpp"

namespace hubkeep::test {
namespace {

Task<int> fetch_many(Client& client, Origin origin, int count) {
    int good = 0;
    for (int i = 0; i < count; ++i) {
        ClientRequest request{.origin = origin,
                              .head = {.method = "POST", .target = "/x", .headers = {}},
                              .body = std::to_string(i)};
        auto response = co_await client.send(std::move(request));
        if (!response) continue;
        auto body = co_await response->read_all(1000);
        if (body && *body == "POST /x " + std::to_string(i)) ++good;
    }
    co_return good;
}

struct Clients {
    explicit Clients(Threads& t) : threads(t) {
        all.resize(threads.io.size());
        threads.io.on_each([&](IoThread& thread) {
            all[thread.number()] = std::make_unique<Client>(thread, ClientSettings{}, nullptr);
        });
    }
    ~Clients() {
        threads.io.on_each([&](IoThread& thread) { all[thread.number()].reset(); });
    }
    Threads& threads;
    std::vector<std::unique_ptr<Client>> all;
};

TEST(HttpConcurrency, ManyClientsOfManyThreads) {
    TestServer server(echo, {}, nullptr, 3);
    Threads threads(3);
    Clients clients(threads);
    std::vector<std::future<int>> results;
    for (std::size_t i = 0; i < 9; ++i) {
        results.push_back(std::async(std::launch::async, [&, i] {
            return run_on(threads[i % 3], fetch_many(*clients.all[i % 3], server.origin(), 40));
        }));
    }
    for (auto& result : results) EXPECT_EQ(result.get(), 40);
}

TEST(HttpConcurrency, DrainUnderLoadLeavesNothingOpen) {
    TestServer server(echo, {}, nullptr, 3);
    Threads threads(2);
    Clients clients(threads);
    std::vector<std::future<int>> results;
    for (std::size_t i = 0; i < 6; ++i) {
        results.push_back(std::async(std::launch::async, [&, i] {
            return run_on(threads[i % 2], fetch_many(*clients.all[i % 2], server.origin(), 40));
        }));
    }
    while (server.handler.calls < 20) std::this_thread::yield();
    server.hub.drain(server.io);
    // The listener is still there: whoever comes is answered, and told to close.
    for (auto& result : results) EXPECT_EQ(result.get(), 40);
    while (server.hub.open() > 0) std::this_thread::yield();
}

TEST(HttpConcurrency, ClosingAllStreamsUnderLoadEndsEveryCall) {
    TestServer server(echo, {}, nullptr, 2);
    Threads threads(2);
    Clients clients(threads);
    std::vector<std::future<int>> results;
    for (std::size_t i = 0; i < 4; ++i) {
        results.push_back(std::async(std::launch::async, [&, i] {
            return run_on(threads[i % 2], fetch_many(*clients.all[i % 2], server.origin(), 100));
        }));
    }
    for (int round = 1; round <= 10; ++round) {
        while (server.handler.calls < round * 20) std::this_thread::yield();
        server.io.on_each([](IoThread& thread) { thread.close_streams(); });
        threads.io.on_each([](IoThread& thread) { thread.close_streams(); });
    }
    for (auto& result : results) EXPECT_GT(result.get(), 0);
}

}  // namespace
}  // namespace hubkeep::test
