#include "server/net/connect.hpp"

#include <gtest/gtest.h>

#include "server/net/name_cache.hpp"
#include "tests/unit/net/support.hpp"

namespace hubkeep::test {
namespace {

using Endpoint = asio::ip::tcp::endpoint;

Endpoint at(const std::string& address, std::uint16_t port) {
    return {asio::ip::make_address(address), port};
}

// A listener that nobody accepts from; with a full backlog it answers no connection request.
class Silent {
  public:
    Silent() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(fd_, 0);
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        filler_ = RawSocket::connect(port_);
    }
    ~Silent() { ::close(fd_); }
    Endpoint endpoint() const { return at("127.0.0.1", port_); }

  private:
    int fd_;
    std::uint16_t port_ = 0;
    RawSocket filler_;
};

TEST(HappyEyeballs, FamiliesAlternateFromTheFirstOn) {
    const Endpoints endpoints{at("::1", 1), at("::2", 1), at("::3", 1), at("1.1.1.1", 1)};
    const Endpoints expected{at("::1", 1), at("1.1.1.1", 1), at("::2", 1), at("::3", 1)};
    EXPECT_EQ(interleaved(endpoints), expected);
    EXPECT_TRUE(interleaved({}).empty());
}

Task<bool> reaches(IoThread& thread, Endpoints endpoints, std::uint16_t port) {
    auto socket = co_await connect_any(thread, std::move(endpoints), SteadyClock::now() + patience);
    co_return socket&& tcp_endpoint(socket->remote_endpoint())->port() == port;
}

Task<Result<std::uint16_t>> port_of(IoThread& thread, Endpoints endpoints,
                                    SteadyClock::duration time) {
    auto socket = co_await connect_any(thread, std::move(endpoints), SteadyClock::now() + time);
    if (!socket) co_return std::unexpected(socket.error());
    co_return tcp_endpoint(socket->remote_endpoint())->port();
}

TEST(HappyEyeballs, OneThatRefusesCostsNoWait) {
    RawServer server([](RawSocket&, int) {});
    std::uint16_t closed = 0;
    {
        RawServer gone([](RawSocket&, int) {});
        closed = gone.port();
    }
    Threads threads;
    const auto before = SteadyClock::now();
    Endpoints endpoints{at("::1", closed), at("127.0.0.1", server.port())};
    EXPECT_TRUE(run_on(threads[0], reaches(threads[0], endpoints, server.port())));
    EXPECT_LT(SteadyClock::now() - before, milliseconds(200));
}

TEST(HappyEyeballs, OneThatIsSilentIsOvertaken) {
    Silent silent;
    RawServer server([](RawSocket&, int) {});
    Threads threads;
    const auto before = SteadyClock::now();
    Endpoints endpoints{silent.endpoint(), at("127.0.0.1", server.port())};
    EXPECT_TRUE(run_on(threads[0], reaches(threads[0], endpoints, server.port())));
    const auto time = SteadyClock::now() - before;
    EXPECT_GE(time, milliseconds(240)) << "the first gets its time alone";
    EXPECT_LT(time, seconds(2));
}

TEST(HappyEyeballs, AllThatFailAreOneError) {
    Silent silent;
    Threads threads;
    const auto late =
        run_on(threads[0], port_of(threads[0], {silent.endpoint()}, milliseconds(100)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::timed_out);
    const auto none = run_on(threads[0], port_of(threads[0], {}, milliseconds(100)));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, ErrorKind::unreachable);
}

class NameTableTest : public testing::Test {
  protected:
    NameTable table{seconds(30)};
    TimePoint now{std::chrono::hours(1)};
    const Endpoints one{at("10.0.0.1", 0)};
    const Endpoints two{at("10.0.0.2", 0)};
    const std::unexpected<Error> failure = fail(ErrorKind::unreachable, "no such host");
};

TEST_F(NameTableTest, RemembersForItsTime) {
    EXPECT_FALSE(table.find("hub", now));
    EXPECT_EQ(*table.learn("hub", one, now), one);
    EXPECT_EQ(**table.find("hub", now + seconds(29)), one);
    EXPECT_FALSE(table.find("hub", now + seconds(30)));
    EXPECT_FALSE(table.find("cdn", now));
    EXPECT_EQ(*table.learn("hub", two, now + seconds(30)), two);
    EXPECT_EQ(**table.find("hub", now + seconds(31)), two);
}

TEST_F(NameTableTest, AFailureIsRememberedForASecond) {
    EXPECT_FALSE(table.learn("hub", failure, now));
    const auto known = table.find("hub", now + milliseconds(900));
    ASSERT_TRUE(known);
    EXPECT_FALSE(*known);
    EXPECT_EQ(known->error().message, "no such host");
    EXPECT_FALSE(table.find("hub", now + seconds(1)));
}

TEST_F(NameTableTest, OldAddressesAreBetterThanAFailure) {
    table.learn("hub", one, now);
    now += seconds(40);
    EXPECT_EQ(*table.learn("hub", failure, now), one);
    EXPECT_EQ(**table.find("hub", now), one);
    EXPECT_FALSE(table.find("hub", now + seconds(1))) << "then it is asked again";
}

TEST_F(NameTableTest, IsBoundedAndForgetsWhatWasUsedLongestAgo) {
    for (int i = 0; i < 256; ++i) table.learn(std::to_string(i), one, now + milliseconds(i));
    EXPECT_TRUE(table.find("0", now + seconds(1)));
    table.learn("one more", one, now + seconds(2));
    EXPECT_TRUE(table.find("0", now + seconds(2)));
    EXPECT_FALSE(table.find("1", now + seconds(2)));
}

Task<Result<Endpoints>> find_name(IoThread& thread, std::shared_ptr<NameCache> names,
                                  std::string host, std::uint16_t port) {
    auto found = co_await names->find(thread, std::move(host), port, SteadyClock::now() + patience);
    co_return found;
}

TEST(NameCache, PutsInThePortOfEachUser) {
    Threads threads;
    const auto names = std::make_shared<NameCache>(seconds(30));
    for (const std::uint16_t port : {80, 443}) {
        const auto found = run_on(threads[0], find_name(threads[0], names, "localhost", port));
        ASSERT_TRUE(found) << found.error().message;
        EXPECT_EQ(found->front().port(), port);
    }
    EXPECT_EQ(run_on(threads[0], find_name(threads[0], names, "127.0.0.1", 7))->front(),
              at("127.0.0.1", 7));
    EXPECT_FALSE(run_on(threads[0], find_name(threads[0], names, "no-such-host.invalid", 1)));
}

}  // namespace
}  // namespace hubkeep::test
