#include "server/net/listener.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/unit/net/support.hpp"

namespace hubkeep::test {
namespace {

void ignore(IoThread&, Socket) {}

struct Opened {
    explicit Opened(Listener::OnConnection on, std::size_t threads = 1) : threads(threads) {
        auto result = Listener::open(this->threads.io, {.host = "127.0.0.1", .port = 0},
                                     std::move(on), this->threads.log);
        EXPECT_TRUE(result) << result.error().message;
        listener = std::move(*result);
    }
    ~Opened() { listener.reset(); }  // before the threads are joined

    Threads threads;
    std::unique_ptr<Listener> listener;
};

TEST(Listener, HandsConnectionsOver) {
    std::promise<std::string> got;
    Opened opened([&](IoThread& thread, Socket socket) {
        Stream stream(thread, std::move(socket), nullptr);
        got.set_value(stream.peer());
    });
    EXPECT_EQ(opened.listener->host(), "127.0.0.1");
    EXPECT_NE(opened.listener->port(), 0);
    opened.listener->start();
    const auto client = RawSocket::connect(opened.listener->port());
    EXPECT_TRUE(got.get_future().get().starts_with("127.0.0.1:"));
}

TEST(Listener, APortThatIsTakenIsExplained) {
    Opened opened(ignore);
    const auto again =
        Listener::open(opened.threads.io, {.host = "127.0.0.1", .port = opened.listener->port()},
                       ignore, opened.threads.log);
    ASSERT_FALSE(again);
    EXPECT_NE(again.error().message.find("127.0.0.1:"), std::string::npos);
    EXPECT_NE(again.error().message.find("another program"), std::string::npos);
}

TEST(Listener, AnAddressThatIsNoneIsExplained) {
    Threads threads;
    for (const std::string host : {"example.org", "300.1.1.1", "192.0.2.1"}) {
        const auto opened =
            Listener::open(threads.io, {.host = host, .port = 0}, ignore, threads.log);
        ASSERT_FALSE(opened) << host;
        EXPECT_NE(opened.error().message.find(host), std::string::npos) << opened.error().message;
    }
}

TEST(Listener, WithoutAnAddressItListensOnAll) {
    Threads threads;
    std::promise<void> got;
    auto opened = Listener::open(
        threads.io, {.host = "", .port = 0}, [&](IoThread&, Socket) { got.set_value(); },
        threads.log);
    ASSERT_TRUE(opened) << opened.error().message;
    (*opened)->start();
    const auto client = RawSocket::connect((*opened)->port());  // over IPv4
    got.get_future().wait();
}

TEST(Listener, ClientsInTheBacklogAreServedWhenItStops) {
    std::promise<void> got;
    Opened opened([&](IoThread&, Socket) { got.set_value(); });
    const auto client = RawSocket::connect(opened.listener->port());  // nobody accepts yet
    opened.listener->stop();
    EXPECT_EQ(got.get_future().wait_for(patience), std::future_status::ready);
}

TEST(Listener, OutOfDescriptorsItWaitsAndGoesOn) {
    std::atomic<int> count = 0;
    // Kept, because one that is closed gives its descriptor to the next.
    std::vector<Socket> accepted;
    Opened opened([&](IoThread&, Socket socket) {
        accepted.push_back(std::move(socket));
        ++count;
    });
    opened.listener->start();
    auto client = RawSocket::connect(opened.listener->port());
    while (count < 1) std::this_thread::yield();
    // One more descriptor may be had, and the next client's own socket takes it.
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next = ::dup(0);
    ::close(next);
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(next) + 1;
    ::setrlimit(RLIMIT_NOFILE, &tight);
    auto starved = RawSocket::connect(opened.listener->port());
    const timespec moment{0, 30'000'000};
    ::nanosleep(&moment, nullptr);  // long enough for accept to fail
    EXPECT_EQ(count, 1);
    ::setrlimit(RLIMIT_NOFILE, &before);
    while (count < 2) std::this_thread::yield();
    accepted.clear();
}

}  // namespace
}  // namespace hubkeep::test
