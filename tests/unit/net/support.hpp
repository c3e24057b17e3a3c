#pragma once
// What the tests of net and http share: io threads that are always joined, blocking sockets with a
// time limit for the other side of a connection, scripted servers, and certificates made on the
// spot.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <optional>
#include <string>

#include "common/file.hpp"
#include "common/log.hpp"
#include "server/net/dial.hpp"
#include "server/net/io_threads.hpp"
#include "server/net/stream.hpp"
#include "server/net/tls.hpp"

namespace hubkeep::test {

constexpr auto patience = seconds(20);

struct Threads {
    explicit Threads(std::size_t count = 1) : io(count, log) { io.start(); }
    ~Threads() { io.join(); }
    IoThread& operator[](std::size_t number) { return io.at(number); }

    Log log{LogLevel::off, LogFormat::json};
    IoThreads io;
};

template <typename T>
Task<void> keep(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
}

// Runs a coroutine on the thread and waits for its result here.
template <typename T>
T run_on(IoThread& thread, Task<T> task) {
    std::optional<T> value;
    std::promise<void> done;
    asio::co_spawn(thread.executor(), keep(std::move(task), value), [&](std::exception_ptr e) {
        if (e)
            done.set_exception(e);
        else
            done.set_value();
    });
    auto future = done.get_future();
    if (future.wait_for(patience) != std::future_status::ready) {
        std::fprintf(stderr, "a coroutine of a test did not end\n");
        std::abort();
    }
    future.get();
    return std::move(*value);
}

// A blocking socket of the test itself. Every call ends within ten seconds.
class RawSocket {
  public:
    RawSocket() = default;
    explicit RawSocket(int fd) : fd_(fd) {
        const timeval limit{10, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    RawSocket& operator=(RawSocket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~RawSocket() { close(); }

    static RawSocket connect(std::uint16_t port) {
        RawSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int rc = ::connect(socket.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        EXPECT_EQ(rc, 0) << "connect";
        return socket;
    }

    int fd() const { return fd_; }
    // False when the other side has reset the connection.
    bool send(std::string_view text) {
        while (!text.empty()) {
            const auto count = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }
    // What comes next, "" at the end; `was_reset` and `timed_out` say how it ended otherwise.
    std::string read_some(std::size_t limit = 64 * 1024) {
        std::string text(limit, '\0');
        const auto count = ::recv(fd_, text.data(), text.size(), 0);
        was_reset = count < 0 && (errno == ECONNRESET || errno == EPIPE);
        timed_out = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return text;
    }
    std::string read_all() {
        std::string text;
        for (std::string some = read_some(); !some.empty(); some = read_some()) text += some;
        return text;
    }
    std::string read_exactly(std::size_t size) {
        std::string text;
        while (text.size() < size) {
            const auto some = read_some(size - text.size());
            if (some.empty()) break;
            text += some;
        }
        return text;
    }
    // Up to and including the mark; what comes behind it stays in the socket.
    std::string read_until(std::string_view mark) {
        std::string text;
        while (!text.ends_with(mark)) {
            const auto some = read_some(1);
            if (some.empty()) break;
            text += some;
        }
        return text;
    }
    void half_close() { ::shutdown(fd_, SHUT_WR); }
    void reset() {
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

    bool was_reset = false;
    bool timed_out = false;

  private:
    int fd_ = -1;
};

// Accepts on a free loopback port and plays a script for each connection, one after the other, on
// a thread of its own. The script gets the number of the connection, from 0.
class RawServer {
  public:
    using Script = std::function<void(RawSocket&, int number)>;

    explicit RawServer(Script script) : script_(std::move(script)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listener_, 64), 0);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~RawServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    std::uint16_t port() const { return port_; }
    Origin origin() const { return {.tls = false, .host = "127.0.0.1", .port = port_}; }
    int connections() const { return connections_; }

  private:
    void serve() {
        for (;;) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) return;
            RawSocket socket(fd);
            script_(socket, connections_++);
        }
    }

    Script script_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<int> connections_{0};
    std::thread thread_;
};

// A stream of ours and the raw other end of it.
struct Pair {
    std::unique_ptr<Stream> stream;
    RawSocket other;
};

inline Task<Result<std::unique_ptr<Stream>>> dial_plain(IoThread& thread, std::uint16_t port) {
    return dial(thread, {.tls = false, .host = "127.0.0.1", .port = port}, {}, seconds(5));
}

inline Pair make_pair(IoThread& thread) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener, 1);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    auto stream = run_on(thread, dial_plain(thread, ntohs(address.sin_port)));
    RawSocket other(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    ::close(listener);
    EXPECT_TRUE(stream.has_value());
    return {std::move(*stream), std::move(other)};
}

// Streams belong to their thread, also when they go.
template <typename T>
void drop_on(IoThread& thread, T& value) {
    std::promise<void> done;
    thread.post([&] {
        value.reset();
        done.set_value();
    });
    done.get_future().wait();
}

class TempFolder {
  public:
    TempFolder() {
        std::string name = (fs::temp_directory_path() / "hubkeep-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TempFolder() { fs::remove_all(path_); }
    fs::path operator/(std::string_view name) const { return path_ / name; }
    fs::path write(std::string_view name, std::string_view content) const {
        std::ofstream(path_ / name, std::ios::binary) << content;
        return path_ / name;
    }

  private:
    fs::path path_;
};

// Bytes that differ at every offset, so that a shifted or repeated piece shows.
inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    std::uint64_t x = 0x243f6a8885a308d3U;
    for (char& c : text) {
        x = x * 6364136223846793005U + 1442695040888963407U;
        c = static_cast<char>(x >> 56);
    }
    return text;
}

}  // namespace hubkeep::test
