// The measuring client: asks for one target over many keep-alive connections from one thread, and
// throws the bodies away in the kernel (recv(2) with MSG_TRUNC: TCP drops the bytes uncopied), so
// that the server's cost shows and not the client's. Everything lives in main(); any answer that is
// not 200 with the expected length ends the run with a sentence and exit code 1.
//
//   client METHOD PORT TARGET --connections N (--requests N | --seconds S) [--length BYTES]
//          [--token TOKEN]
//
// --requests counts per connection. Prints one line of JSON: seconds from before the first connect
// to the last byte, requests, bytes of bodies, the median time to the first byte of an answer and
// of a body in milliseconds, and the CPU seconds that this program used.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t head_limit = 16 * 1024;
constexpr std::uint64_t gulp = 4 * 1024 * 1024;
constexpr int silence_ms = 60'000;

struct Options {
    std::string method;
    std::uint16_t port = 0;
    std::string target;
    std::size_t connections = 1;
    std::uint64_t requests = 0;  // 0: until the time is over
    double seconds = 0;
    std::optional<std::uint64_t> length;
    std::string token;
};

struct Connection {
    int fd = -1;
    std::string head;
    std::uint64_t body_left = 0;
    bool in_body = false;
    bool body_began = false;
    std::uint64_t done = 0;
    Clock::time_point asked;
};

struct Totals {
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
    std::vector<float> first_bytes_ms;  // of the answer
    std::vector<float> body_bytes_ms;   // of the body
};

[[noreturn]] void stop(const std::string& why) {
    std::fprintf(stderr, "client: %s\n", why.c_str());
    std::exit(1);
}

float ms_since(Clock::time_point start) {
    return std::chrono::duration<float, std::milli>(Clock::now() - start).count();
}

std::uint64_t content_length(std::string_view head) {
    constexpr std::string_view name = "content-length:";
    for (std::size_t at = 0; (at = head.find("\r\n", at)) != std::string_view::npos;) {
        at += 2;
        if (head.size() - at < name.size()) break;
        if (strncasecmp(head.data() + at, name.data(), name.size()) != 0) continue;
        at += name.size();
        while (at < head.size() && head[at] == ' ') ++at;
        std::uint64_t value = 0;
        std::from_chars(head.data() + at, head.data() + head.size(), value);
        return value;
    }
    stop("an answer without Content-Length");
}

class Run {
  public:
    explicit Run(const Options& options) : options_(options), epoll_(epoll_create1(0)) {
        request_ = options.method + " " + options.target + " HTTP/1.1\r\nHost: 127.0.0.1:" +
                   std::to_string(options.port) +
                   "\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: identity\r\n";
        if (!options.token.empty()) request_ += "Authorization: Bearer " + options.token + "\r\n";
        request_ += "\r\n";
    }

    Totals run() {
        connections_.resize(options_.connections);
        for (auto& connection : connections_) open(connection);
        epoll_event events[64];
        while (open_ > 0) {
            const int count = epoll_wait(epoll_, events, 64, silence_ms);
            if (count == 0) stop("the server has been silent for a minute");
            for (int i = 0; i < count; ++i) {
                advance(*static_cast<Connection*>(events[i].data.ptr));
            }
        }
        return std::move(totals_);
    }

  private:
    void open(Connection& connection) {
        connection.fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(options_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connection.asked = Clock::now();
        if (connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            stop(std::string("cannot connect: ") + std::strerror(errno));
        }
        const int on = 1;
        setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event event{EPOLLIN, {.ptr = &connection}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
        ++open_;
        send_request(connection);
    }

    void send_request(Connection& connection) {
        connection.head.clear();
        connection.in_body = connection.body_began = false;
        const auto sent = send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(request_.size())) stop("a request could not be sent");
    }

    void advance(Connection& connection) {
        if (!connection.in_body && !read_head(connection)) return;
        if (connection.body_left > 0 && !drop_body(connection)) return;
        ++totals_.requests;
        ++connection.done;
        const bool more = options_.requests > 0
                              ? connection.done < options_.requests
                              : ms_since(began_) < options_.seconds * 1000;
        if (more) {
            connection.asked = Clock::now();
            send_request(connection);
            return;
        }
        close(connection.fd);
        --open_;
    }

    bool read_head(Connection& connection) {
        char buffer[head_limit];
        // Only the head may be read here: what follows belongs to the kernel's bin.
        const auto peeked = recv(connection.fd, buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT);
        if (peeked < 0 && errno == EAGAIN) return false;
        if (peeked <= 0) stop("the server closed a connection before its answer");
        if (connection.head.empty()) totals_.first_bytes_ms.push_back(ms_since(connection.asked));
        const auto before = connection.head.size();
        connection.head.append(buffer, static_cast<std::size_t>(peeked));
        const auto end = connection.head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos && connection.head.size() > head_limit) stop("a huge head");
        if (end != std::string::npos) connection.head.resize(end + 4);
        const auto taken = connection.head.size() - before;
        if (recv(connection.fd, buffer, taken, 0) != static_cast<ssize_t>(taken)) stop("recv");
        if (end == std::string::npos) return false;
        check_head(connection);
        return true;
    }

    void check_head(Connection& connection) {
        const auto& head = connection.head;
        if (!head.starts_with("HTTP/1.1 200 ")) {
            stop("answered with: " + head.substr(0, head.find('\r')));
        }
        const auto length = content_length(head);
        if (options_.length && *options_.length != length) {
            stop("Content-Length is " + std::to_string(length));
        }
        connection.body_left = options_.method == "HEAD" ? 0 : length;
        connection.in_body = true;
    }

    // True when the body is over. One gulp per turn, so that connections share fairly.
    bool drop_body(Connection& connection) {
        const auto want = std::min(connection.body_left, gulp);
        const auto got = recv(connection.fd, nullptr, want, MSG_TRUNC | MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return false;
        if (got <= 0) {
            stop("a body was cut, " + std::to_string(connection.body_left) + " bytes are missing");
        }
        if (!connection.body_began) {
            connection.body_began = true;
            totals_.body_bytes_ms.push_back(ms_since(connection.asked));
        }
        connection.body_left -= static_cast<std::uint64_t>(got);
        totals_.bytes += static_cast<std::uint64_t>(got);
        return connection.body_left == 0;
    }

    const Options options_;
    const int epoll_;
    const Clock::time_point began_ = Clock::now();
    std::string request_;
    std::vector<Connection> connections_;
    std::size_t open_ = 0;
    Totals totals_;
};

Options parse(int argc, char** argv) {
    if (argc < 4) stop("METHOD PORT TARGET are missing");
    Options options;
    options.method = argv[1];
    options.port = static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10));
    options.target = argv[3];
    for (int i = 4; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        const char* const value = argv[i + 1];
        if (name == "--connections") options.connections = std::strtoul(value, nullptr, 10);
        else if (name == "--requests") options.requests = std::strtoull(value, nullptr, 10);
        else if (name == "--seconds") options.seconds = std::strtod(value, nullptr);
        else if (name == "--token") options.token = value;
        else if (name == "--length") options.length = std::strtoull(value, nullptr, 10);
        else stop("unknown option " + std::string(name));
    }
    if ((options.requests > 0) == (options.seconds > 0)) stop("give --requests or --seconds");
    return options;
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto in_seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

double median(std::vector<float>& values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return static_cast<double>(*middle);
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = parse(argc, argv);
    const auto began = Clock::now();
    auto totals = Run(options).run();
    const std::chrono::duration<double> took = Clock::now() - began;
    std::printf("{\"seconds\": %.6f, \"requests\": %llu, \"bytes\": %llu, \"first_byte_ms\": %.3f, "
                "\"body_byte_ms\": %.3f, \"cpu_seconds\": %.6f}\n",
                took.count(), static_cast<unsigned long long>(totals.requests),
                static_cast<unsigned long long>(totals.bytes), median(totals.first_bytes_ms),
                median(totals.body_bytes_ms), cpu_seconds());
    return 0;
}
