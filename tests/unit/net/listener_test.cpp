#include "server/net/listener.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

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
    EXPECT_EQ(opened.listener->address(), "127.0.0.1:" + std::to_string(opened.listener->port()));
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

class SocketFile : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/hubkeep-listener-XXXXXX";
        folder = ::mkdtemp(name);
        path = folder + "/admin.sock";
    }
    void TearDown() override {
        threads.io.on_each([](IoThread&) {});  // a listener that stops takes its file along
        fs::remove_all(folder);
    }

    Result<std::unique_ptr<Listener>> open(Listener::OnConnection on = ignore) {
        return Listener::open(threads.io, {.socket_file = path}, std::move(on), threads.log);
    }
    RawSocket connect() const {
        RawSocket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        const int rc =
            ::connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address);
        EXPECT_EQ(rc, 0) << std::strerror(errno);
        return socket;
    }

    std::string folder;
    std::string path;
    Threads threads;
};

TEST_F(SocketFile, IsTheOwnersAloneAndGoesWithTheListener) {
    const auto mask = ::umask(0);
    std::promise<std::string> got;
    auto opened = open([&](IoThread& thread, Socket socket) {
        Stream stream(thread, std::move(socket), nullptr);
        got.set_value(stream.peer());
    });
    ::umask(mask);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ((*opened)->address(), "unix:" + path);
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
    (*opened)->start();
    const auto client = connect();
    EXPECT_EQ(got.get_future().get(), "unix");
    opened->reset();
    threads.io.on_each([](IoThread&) {});
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(SocketFile, OfADeadProcessIsReplaced) {
    {
        RawSocket dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(dead.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    ASSERT_TRUE(fs::exists(path));
    const auto opened = open();
    EXPECT_TRUE(opened) << opened.error().message;
}

TEST_F(SocketFile, WhereSomebodyAnswersStays) {
    const auto first = open();
    ASSERT_TRUE(first) << first.error().message;
    const auto second = open();
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another program answers"), std::string::npos);
    connect();  // it is the first one's still
}

TEST_F(SocketFile, NeverTakesThePlaceOfAnotherFile) {
    std::ofstream(path) << "precious";
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find("something else"), std::string::npos);
    EXPECT_EQ(fs::file_size(path), 8u);
}

TEST_F(SocketFile, WithoutItsFolderIsExplained) {
    path = folder + "/none/admin.sock";
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find("folder must be there"), std::string::npos);
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
