// The measuring client: asks over many keep-alive connections from one thread, and throws the
// bodies away, so that the server's cost shows and not the client's. Any answer but the expected
// one ends the run with a sentence and exit code 1.
//
//   client METHOD PORT TARGET --connections N (--requests N | --seconds S) [--length BYTES]
//          [--token TOKEN] [--tls 1] [--rate BYTES] [--hold 1] [--stride N]
//
// --requests counts per connection. TARGET is a path, or @FILE with a plan: a line is "PATH" or
// "PATH FIRST-LAST", and connection i asks for lines i, i+stride, i+2*stride and so on (i modulo
// stride), each once. --rate makes slow readers: so many bytes of a body per second and
// connection, whatever is left at the end of --seconds. --hold keeps the connections open and idle
// after their requests: prints {"holding": N} and waits for the end of standard input.
//
// Prints one line of JSON: seconds from before the first connect to the last byte; requests; bytes
// of bodies; the median time to the first byte of an answer and of a body, and p50, p99 and the
// worst time of a whole answer, in milliseconds; when the first byte of any body was here, in
// nanoseconds of CLOCK_MONOTONIC; the CPU seconds that this program used; and for up to 64
// connections the second at which each was done.

#include <sys/epoll.h>
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "link.hpp"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t head_limit = 16 * 1024;
constexpr std::uint64_t gulp = 4 * 1024 * 1024;
constexpr int silence_ms = 60'000;
constexpr int tick_ms = 50;  // of slow readers
constexpr int slow_buffer = 64 * 1024;
constexpr std::size_t ends_shown = 64;

struct Request {
    std::string target;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> range;  // first and last byte
};

struct Options {
    std::string method;
    std::uint16_t port = 0;
    std::vector<Request> plan;
    bool planned = false;
    std::size_t stride = 1;
    std::size_t connections = 1;
    std::uint64_t requests = 0;  // 0: until the time is over
    double seconds = 0;
    std::optional<std::uint64_t> length;
    std::string token;
    std::uint64_t rate = 0;  // 0: as fast as it comes
    bool tls = false;
    bool hold = false;
};

struct Connection {
    Link link;
    std::size_t line = 0;  // of the plan
    std::string head;
    std::uint64_t body_left = 0;
    bool in_body = false;
    bool body_began = false;
    bool open = true;
    std::uint64_t done = 0;
    Clock::time_point asked;
};

struct Totals {
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
    std::vector<float> first_bytes_ms;  // of the answer
    std::vector<float> body_bytes_ms;   // of the body
    std::vector<float> answers_ms;      // to the last byte
    std::vector<float> ends;
    Clock::time_point body_at = Clock::time_point::max();
};

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
    explicit Run(const Options& options)
        : options_(options),
          context_(options.tls ? client_context() : nullptr),
          epoll_(epoll_create1(0)) {}

    Totals run() {
        connections_.resize(options_.connections);
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            connections_[i].line = i % options_.stride;
            open(connections_[i]);
        }
        auto next_tick = Clock::now();
        epoll_event events[64];
        while (open_ > 0) {
            const int patience = options_.rate > 0 ? tick_ms : silence_ms;
            const int count = epoll_wait(epoll_, events, 64, patience);
            if (count == 0 && options_.rate == 0) stop("the server has been silent for a minute");
            for (int i = 0; i < count; ++i) {
                auto& connection = *static_cast<Connection*>(events[i].data.ptr);
                do advance(connection);
                while (connection.open && connection.link.holds_more());
            }
            if (options_.rate > 0 && Clock::now() >= next_tick) {
                next_tick += std::chrono::milliseconds(tick_ms);
                if (ms_since(began_) >= options_.seconds * 1000) break;
                for (auto& connection : connections_) sip(connection);
            }
        }
        return std::move(totals_);
    }

  private:
    void open(Connection& connection) {
        connection.asked = Clock::now();
        connection.link.open(options_.port, context_, options_.rate > 0 ? slow_buffer : 0);
        epoll_event event{EPOLLIN, {.ptr = &connection}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.link.fd(), &event);
        ++open_;
        send_request(connection);
    }

    const Request& wanted(const Connection& connection) const {
        return options_.plan[connection.line];
    }

    void send_request(Connection& connection) {
        connection.head.clear();
        connection.in_body = connection.body_began = false;
        const auto& wanted = this->wanted(connection);
        text_ = options_.method + " " + wanted.target +
                " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options_.port) +
                "\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: identity\r\n";
        if (!options_.token.empty()) text_ += "Authorization: Bearer " + options_.token + "\r\n";
        if (wanted.range) {
            text_ += "Range: bytes=" + std::to_string(wanted.range->first) + "-" +
                     std::to_string(wanted.range->second) + "\r\n";
        }
        text_ += "\r\n";
        connection.link.send_all(text_);
    }

    void advance(Connection& connection) {
        if (!connection.in_body && !read_head(connection)) return;
        if (options_.rate > 0) {  // from now on the clock says when it is read
            epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.link.fd(), nullptr);
            return;
        }
        if (connection.body_left > 0 && !drop_body(connection, gulp)) return;
        finish(connection);
    }

    void finish(Connection& connection) {
        totals_.answers_ms.push_back(ms_since(connection.asked));
        ++totals_.requests;
        ++connection.done;
        if (has_more(connection)) {
            connection.asked = Clock::now();
            send_request(connection);
            return;
        }
        totals_.ends.push_back(ms_since(began_) / 1000);
        connection.open = false;
        --open_;
        if (options_.hold) {
            epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.link.fd(), nullptr);
        } else {
            connection.link.close();
        }
    }

    bool has_more(Connection& connection) {
        if (options_.planned) {
            connection.line += options_.stride;
            return connection.line < options_.plan.size();
        }
        return options_.requests > 0 ? connection.done < options_.requests
                                     : ms_since(began_) < options_.seconds * 1000;
    }

    // One tick of a slow reader.
    void sip(Connection& connection) {
        if (!connection.open || !connection.in_body) return;
        if (!drop_body(connection, options_.rate * tick_ms / 1000)) return;
        totals_.ends.push_back(ms_since(began_) / 1000);
        ++totals_.requests;
        connection.open = false;
        --open_;
        connection.link.close();
    }

    bool read_head(Connection& connection) {
        char buffer[head_limit];
        // Only the head may be read here: what follows is thrown away.
        const auto peeked = connection.link.peek(buffer, sizeof buffer);
        if (peeked == would_block) return false;
        if (peeked == 0) stop("the server closed a connection before its answer");
        if (connection.head.empty()) totals_.first_bytes_ms.push_back(ms_since(connection.asked));
        const auto before = connection.head.size();
        connection.head.append(buffer, static_cast<std::size_t>(peeked));
        const auto end = connection.head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos && connection.head.size() > head_limit) stop("a huge head");
        if (end != std::string::npos) connection.head.resize(end + 4);
        connection.link.take(buffer, connection.head.size() - before);
        if (end == std::string::npos) return false;
        check_head(connection);
        return true;
    }

    void check_head(Connection& connection) {
        const auto& head = connection.head;
        const auto& range = wanted(connection).range;
        if (!head.starts_with(range ? "HTTP/1.1 206 " : "HTTP/1.1 200 ")) {
            stop("answered with: " + head.substr(0, head.find('\r')));
        }
        const auto length = content_length(head);
        const auto expected =
            range ? range->second - range->first + 1 : options_.length.value_or(length);
        if (expected != length) stop("Content-Length is " + std::to_string(length));
        connection.body_left = options_.method == "HEAD" ? 0 : length;
        connection.in_body = true;
    }

    // True when the body is over. A limit per turn, so that connections share fairly.
    bool drop_body(Connection& connection, std::uint64_t limit) {
        const auto got = connection.link.drop(std::min(connection.body_left, limit));
        if (got == would_block) return false;
        if (got == 0) {
            stop("a body was cut, " + std::to_string(connection.body_left) + " bytes are missing");
        }
        if (!connection.body_began) {
            connection.body_began = true;
            totals_.body_bytes_ms.push_back(ms_since(connection.asked));
            totals_.body_at = std::min(totals_.body_at, Clock::now());
        }
        connection.body_left -= static_cast<std::uint64_t>(got);
        totals_.bytes += static_cast<std::uint64_t>(got);
        return connection.body_left == 0;
    }

    const Options& options_;
    SSL_CTX* const context_;  // lives as long as the process
    const int epoll_;
    const Clock::time_point began_ = Clock::now();
    std::string text_;
    std::vector<Connection> connections_;
    std::size_t open_ = 0;
    Totals totals_;
};

std::vector<Request> read_plan(const std::string& path) {
    std::ifstream file(path);
    std::vector<Request> plan;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        Request request;
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        char dash = 0;
        words >> request.target;
        if (words >> first >> dash >> last) request.range = {first, last};
        plan.push_back(std::move(request));
    }
    if (plan.empty()) stop("no plan in " + path);
    return plan;
}

Options parse(int argc, char** argv) {
    if (argc < 4) stop("METHOD PORT TARGET are missing");
    Options options;
    options.method = argv[1];
    options.port = static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10));
    options.planned = argv[3][0] == '@';
    options.plan = options.planned ? read_plan(argv[3] + 1) : std::vector<Request>{{argv[3], {}}};
    for (int i = 4; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        const char* const value = argv[i + 1];
        if (name == "--connections") options.connections = std::strtoul(value, nullptr, 10);
        else if (name == "--requests") options.requests = std::strtoull(value, nullptr, 10);
        else if (name == "--seconds") options.seconds = std::strtod(value, nullptr);
        else if (name == "--stride") options.stride = std::strtoul(value, nullptr, 10);
        else if (name == "--token") options.token = value;
        else if (name == "--length") options.length = std::strtoull(value, nullptr, 10);
        else if (name == "--rate") options.rate = std::strtoull(value, nullptr, 10);
        else if (name == "--tls") options.tls = value[0] == '1';
        else if (name == "--hold") options.hold = value[0] == '1';
        else stop("unknown option " + std::string(name));
    }
    const bool ends = options.planned || options.requests > 0;
    if (ends == (options.seconds > 0)) stop("give one of --requests, --seconds and a plan");
    if (options.rate > 0 && ends) stop("--rate needs --seconds");
    if (options.stride == 0 || options.stride > options.plan.size()) stop("a wrong --stride");
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

double quantile(std::vector<float>& values, double share) {
    if (values.empty()) return 0;
    const auto last = static_cast<double>(values.size() - 1);
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(last * share);
    std::nth_element(values.begin(), at, values.end());
    return static_cast<double>(*at);
}

void wait_for_end_of_input() {
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

void print(Totals& totals, double seconds) {
    std::printf("{\"seconds\": %.6f, \"requests\": %llu, \"bytes\": %llu, ", seconds,
                static_cast<unsigned long long>(totals.requests),
                static_cast<unsigned long long>(totals.bytes));
    std::printf("\"first_byte_ms\": %.3f, \"body_byte_ms\": %.3f, ",
                quantile(totals.first_bytes_ms, 0.5), quantile(totals.body_bytes_ms, 0.5));
    std::printf("\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"worst_ms\": %.4f, ",
                quantile(totals.answers_ms, 0.5), quantile(totals.answers_ms, 0.99),
                quantile(totals.answers_ms, 1));
    if (totals.body_at != Clock::time_point::max()) {
        std::printf("\"body_at_ns\": %lld, ",
                    static_cast<long long>(totals.body_at.time_since_epoch().count()));
    }
    std::printf("\"cpu_seconds\": %.6f, \"ends\": [", cpu_seconds());
    if (totals.ends.size() <= ends_shown) {
        for (std::size_t i = 0; i < totals.ends.size(); ++i) {
            std::printf("%s%.4f", i == 0 ? "" : ", ", static_cast<double>(totals.ends[i]));
        }
    }
    std::printf("]}\n");
}

int measure(const Options& options) {
    const auto began = Clock::now();
    Run run(options);
    auto totals = run.run();
    const std::chrono::duration<double> took = Clock::now() - began;
    if (options.hold) {
        std::printf("{\"holding\": %zu}\n", options.connections);
        std::fflush(stdout);
        wait_for_end_of_input();
    }
    print(totals, took.count());
    return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    return bench::measure(bench::parse(argc, argv));
}
