#include <gtest/gtest.h>

#include "server/net/lookup.hpp"
#include "tests/unit/net/support.hpp"

namespace hubkeep::test {
namespace {

Task<Result<Endpoints>> look_up(IoThread& thread, std::string host) {
    return lookup(thread, std::move(host), 80, SteadyClock::now() + seconds(10));
}

TEST(Lookup, TakesLiteralAddressesAsTheyAre) {
    Threads threads;
    const auto v4 = run_on(threads[0], look_up(threads[0], "127.0.0.1"));
    ASSERT_EQ(v4->size(), 1u);
    EXPECT_EQ(v4->front().address().to_string(), "127.0.0.1");
    EXPECT_EQ(v4->front().port(), 80);
    const auto v6 = run_on(threads[0], look_up(threads[0], "::1"));
    EXPECT_EQ(v6->front().address().to_string(), "::1");
}

TEST(Lookup, FindsNamesAndReportsThoseThatDoNotExist) {
    Threads threads;
    const auto local = run_on(threads[0], look_up(threads[0], "localhost"));
    ASSERT_TRUE(local) << local.error().message;
    EXPECT_TRUE(local->front().address().is_loopback());
    const auto absent = run_on(threads[0], look_up(threads[0], "no-such-host.invalid"));
    ASSERT_FALSE(absent);
    EXPECT_NE(absent.error().message.find("no-such-host.invalid"), std::string::npos);
}

TEST(Lookup, IsBoundedInNumber) {
    Threads threads;
    threads[0].lookups()->fetch_add(16);
    const auto refused = run_on(threads[0], look_up(threads[0], "localhost"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::unreachable);
    threads[0].lookups()->fetch_sub(16);
    EXPECT_TRUE(run_on(threads[0], look_up(threads[0], "localhost")));
}

TEST(Dial, ConnectsByName) {
    RawServer server([](RawSocket& socket, int) { socket.send("hi"); });
    Threads threads;
    auto origin = server.origin();
    origin.host = "localhost";
    auto stream = run_on(threads[0], dial(threads[0], origin, {}, seconds(5)));
    ASSERT_TRUE(stream) << stream.error().message;
    std::array<char, 8> buffer;
    EXPECT_EQ(*run_on(threads[0], (*stream)->read_some(buffer)), 2u);
    drop_on(threads[0], *stream);
}

TEST(Dial, AServerThatDoesNotShakeHandsTimesOut) {
    std::promise<void> over;
    RawServer server([&](RawSocket&, int) { over.get_future().wait(); });
    Threads threads;
    auto origin = server.origin();
    origin.tls = true;
    const auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    const auto stream =
        run_on(threads[0], dial(threads[0], origin, {.tls = context}, milliseconds(100)));
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().kind, ErrorKind::timed_out);
    EXPECT_NE(stream.error().message.find("https://127.0.0.1:"), std::string::npos);
    over.set_value();
}

// A listener whose backlog is full drops what comes: the usual black hole, without a network.
TEST(Dial, AnAddressThatSwallowsPacketsTimesOut) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener, 0);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    const auto port = ntohs(address.sin_port);
    const auto filler = RawSocket::connect(port);
    Threads threads;
    const Origin origin{.tls = false, .host = "127.0.0.1", .port = port};
    const auto before = SteadyClock::now();
    const auto stream = run_on(threads[0], dial(threads[0], origin, {}, milliseconds(100)));
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().kind, ErrorKind::timed_out) << stream.error().message;
    EXPECT_LT(SteadyClock::now() - before, seconds(3));
    ::close(listener);
}

}  // namespace
}  // namespace hubkeep::test
