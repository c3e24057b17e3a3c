// The CDN of a bench run: the files of one folder by the last name in a URL's path, over plain HTTP
// from one thread, with ranges. It counts what it sends and notes when, because what a cache costs
// its origin is only known at the origin.
//
//   origin FOLDER [--rate BYTES] [--line BYTES] [--latency-ms N]
//
// --rate is a cap for each connection, --line one for all of them together, in bytes per second; 0
// is none. --latency-ms is the round
// trip of a long line: an answer begins so much later, and the first one of a connection twice so
// much, as a handshake takes one, too. Prints one line of JSON with its port, lives until a signal.
//
// GET /-/requests answers with {"sent": bytes of bodies so far, "connections": accepted so far,
// "requests": [...]}: file, first and last byte, how many bytes were sent, and when, in nanoseconds
// of CLOCK_MONOTONIC: it was asked, the first byte of the body was about to be sent, it ended
// (0: not yet).

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t head_limit = 16 * 1024;
constexpr std::uint64_t turn = 1024 * 1024;  // what one connection sends before the next one
constexpr std::uint64_t first_piece = 64 * 1024;
constexpr double burst_seconds = 0.02;

[[noreturn]] void stop(const std::string& why) {
    std::fprintf(stderr, "origin: %s: %s\n", why.c_str(), std::strerror(errno));
    std::exit(1);
}

long long now_ns() {
    return Clock::now().time_since_epoch().count();
}

struct Record {
    std::string file;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t sent = 0;
    long long asked_ns = now_ns();
    long long body_ns = 0;
    long long end_ns = 0;
};

struct File {
    int fd = -1;
    std::uint64_t size = 0;
};

enum class Phase { reading, waiting, sending };

struct Connection {
    int fd = -1;
    Phase phase = Phase::reading;
    std::string in;
    std::string out;  // what is left of the head, or of an answer without a file
    int file = -1;
    off_t at = 0;
    std::uint64_t left = 0;
    Record* record = nullptr;  // of the answer under way
    Clock::time_point due;     // waiting: when the answer begins
    Clock::time_point paced;   // sending: when credit was counted last
    double credit = 0;         // bytes
    bool fresh = true;         // has not answered yet
};

class Origin {
  public:
    Origin(std::string folder, std::uint64_t rate, std::uint64_t line, int latency_ms)
        : folder_(std::move(folder)),
          rate_(rate > 0 || line == 0 ? rate : line),
          line_(line),
          latency_(latency_ms) {}

    void run() {
        listen_on_loopback();
        epoll_event events[128];
        while (true) {
            const int count = epoll_wait(epoll_, events, 128, timed_.empty() ? -1 : 1);
            for (int i = 0; i < count; ++i) {
                auto* connection = static_cast<Connection*>(events[i].data.ptr);
                if (!connection) accept_all();
                else handle(*connection, events[i].events);
            }
            const auto now = Clock::now();
            add_credit(line_credit_, line_paced_, line_, now);
            share_ = timed_.empty()
                         ? 0
                         : std::max(0.0, line_credit_) / static_cast<double>(timed_.size());
            const auto timed = timed_;  // a copy: what is due leaves the set
            for (auto* connection : timed) advance(*connection, now);
            closed_.clear();
        }
    }

  private:
    void listen_on_loopback() {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        if (bind(listener_, generic, size) != 0 || listen(listener_, 1024) != 0) stop("listen");
        getsockname(listener_, generic, &size);
        epoll_event event{EPOLLIN, {.ptr = nullptr}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
        std::printf("{\"port\": %d}\n", ntohs(address.sin_port));
        std::fflush(stdout);
    }

    void accept_all() {
        int fd;
        while ((fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0) {
            const int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            auto connection = std::make_unique<Connection>();
            connection->fd = fd;
            epoll_event event{EPOLLIN, {.ptr = connection.get()}};
            epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
            connections_.emplace(fd, std::move(connection));
            ++accepted_;
        }
    }

    void watch(Connection& connection, std::uint32_t what) {
        epoll_event event{what, {.ptr = &connection}};
        epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
    }

    void close(Connection& connection) {
        if (connection.fd < 0) return;
        end_record(connection);
        timed_.erase(&connection);
        ::close(connection.fd);
        auto node = connections_.extract(connection.fd);
        connection.fd = -1;
        closed_.push_back(std::move(node.mapped()));  // other events of this turn may name it
    }

    void handle(Connection& connection, std::uint32_t what) {
        if (connection.fd < 0) return;
        if ((what & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) return close(connection);
        if (connection.phase == Phase::reading) read(connection);
        else if (connection.phase == Phase::sending) send_some(connection, turn);
    }

    void read(Connection& connection) {
        char buffer[head_limit];
        const auto got = recv(connection.fd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return close(connection);
        connection.in.append(buffer, static_cast<std::size_t>(got));
        next(connection);
    }

    // Answers the next request that is complete.
    void next(Connection& connection) {
        const auto end = connection.in.find("\r\n\r\n");
        if (end == std::string::npos) {
            if (connection.in.size() > head_limit) return close(connection);
            connection.phase = Phase::reading;
            return watch(connection, EPOLLIN);
        }
        const auto head = connection.in.substr(0, end + 2);
        connection.in.erase(0, end + 4);
        if (head.starts_with("GET /-/requests ")) {
            const auto body = report();
            connection.out =
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                "Content-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body;
            return begin(connection);
        }
        prepare(connection, head);
        if (latency_.count() == 0) return begin(connection);
        connection.due = Clock::now() + (connection.fresh ? 2 : 1) * latency_;
        connection.phase = Phase::waiting;
        timed_.insert(&connection);
        watch(connection, EPOLLRDHUP);
    }

    void prepare(Connection& connection, std::string_view head) {
        const auto path = head.substr(0, head.find('\r'));
        const auto begin = path.find(' ') + 1;
        const auto target = path.substr(begin, path.find(' ', begin) - begin);
        const auto clean = target.substr(0, target.find('?'));
        const std::string name(clean.substr(clean.rfind('/') + 1));
        const auto file = open_file(name);
        if (file.fd < 0) {
            connection.out = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
            return;
        }
        std::uint64_t first = 0;
        std::uint64_t last = file.size - 1;
        const bool partial = find_range(head, first, last);
        if (first > last || last >= file.size) {
            connection.out = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */" +
                             std::to_string(file.size) + "\r\nContent-Length: 0\r\n\r\n";
            return;
        }
        connection.out = partial ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " +
                                       std::to_string(first) + "-" + std::to_string(last) + "/" +
                                       std::to_string(file.size) + "\r\n"
                                 : "HTTP/1.1 200 OK\r\n";
        connection.out += "Content-Type: binary/octet-stream\r\nAccept-Ranges: bytes\r\nETag: \"" +
                          name +
                          "\"\r\nLast-Modified: Sat, 01 Aug 2026 00:00:00 GMT\r\n"
                          "Cache-Control: public, max-age=31536000\r\nContent-Length: " +
                          std::to_string(last - first + 1) + "\r\n\r\n";
        if (head.starts_with("HEAD ")) return;
        connection.file = file.fd;
        connection.at = static_cast<off_t>(first);
        connection.left = last - first + 1;
        records_.push_back({.file = name, .first = first, .last = last});
        connection.record = &records_.back();
    }

    File open_file(const std::string& name) {
        if (const auto found = files_.find(name); found != files_.end()) return found->second;
        if (name.empty() || name.front() == '.') return {};
        File file{open((folder_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC)};
        struct stat about{};
        if (file.fd < 0 || fstat(file.fd, &about) != 0 || about.st_size == 0) return {};
        file.size = static_cast<std::uint64_t>(about.st_size);
        return files_[name] = file;
    }

    // One range; the ends that are not given stay as they are.
    static bool find_range(std::string_view head, std::uint64_t& first, std::uint64_t& last) {
        constexpr std::string_view name = "\r\nrange: bytes=";
        std::string small(head);
        std::transform(small.begin(), small.end(), small.begin(), [](unsigned char letter) {
            return static_cast<char>(std::tolower(letter));
        });
        const auto at = small.find(name);
        if (at == std::string::npos) return false;
        const char* const end = small.data() + small.find('\r', at + 2);
        const auto parsed = std::from_chars(small.data() + at + name.size(), end, first);
        if (parsed.ptr == end || *parsed.ptr != '-') return false;
        const auto size = last + 1;
        std::uint64_t wanted = last;
        std::from_chars(parsed.ptr + 1, end, wanted);
        if (parsed.ptr == small.data() + at + name.size()) {  // the last `wanted` bytes
            first = size - std::min(size, wanted);
        } else {
            last = std::min(last, wanted);
        }
        return true;
    }

    void begin(Connection& connection) {
        connection.fresh = false;
        connection.phase = Phase::sending;
        connection.paced = Clock::now();
        if (rate_ > 0) {
            timed_.insert(&connection);
            watch(connection, EPOLLRDHUP);
        } else {
            watch(connection, EPOLLOUT | EPOLLRDHUP);
        }
        send_some(connection, first_piece);
    }

    void advance(Connection& connection, Clock::time_point now) {
        if (connection.fd < 0) return;
        if (connection.phase == Phase::waiting) {
            if (now < connection.due) return;
            timed_.erase(&connection);
            return begin(connection);
        }
        add_credit(connection.credit, connection.paced, rate_, now);
        send_some(connection, turn);
    }

    static void add_credit(double& credit, Clock::time_point& paced, std::uint64_t rate,
                           Clock::time_point now) {
        const std::chrono::duration<double> passed = now - paced;
        const auto per_second = static_cast<double>(rate);
        paced = now;
        credit = std::min(credit + passed.count() * per_second, per_second * burst_seconds);
    }

    void send_some(Connection& connection, std::uint64_t limit) {
        if (!connection.out.empty()) {
            const int more = connection.left > 0 ? MSG_MORE : 0;
            const auto sent = send(connection.fd, connection.out.data(), connection.out.size(),
                                   MSG_NOSIGNAL | more);
            if (sent < 0 && errno != EAGAIN) return close(connection);
            if (sent > 0) connection.out.erase(0, static_cast<std::size_t>(sent));
            if (!connection.out.empty()) return;
        }
        auto size = std::min(connection.left, limit);
        if (rate_ > 0) size = std::min(size, static_cast<std::uint64_t>(connection.credit));
        if (line_ > 0) size = std::min(size, static_cast<std::uint64_t>(share_));
        if (size > 0) {
            if (connection.record->body_ns == 0) connection.record->body_ns = now_ns();
            const auto sent = sendfile(connection.fd, connection.file, &connection.at, size);
            if (sent < 0 && errno != EAGAIN) return close(connection);
            if (sent > 0) count(connection, static_cast<std::uint64_t>(sent));
        }
        if (connection.left == 0) finish(connection);
    }

    void count(Connection& connection, std::uint64_t sent) {
        connection.left -= sent;
        connection.credit -= static_cast<double>(sent);
        line_credit_ -= static_cast<double>(sent);
        connection.record->sent += sent;
        sent_ += sent;
    }

    void finish(Connection& connection) {
        end_record(connection);
        timed_.erase(&connection);
        next(connection);
    }

    static void end_record(Connection& connection) {
        if (connection.record) connection.record->end_ns = now_ns();
        connection.record = nullptr;
    }

    std::string report() const {
        std::string text = "{\"sent\": " + std::to_string(sent_) +
                           ", \"connections\": " + std::to_string(accepted_) + ", \"requests\": [";
        for (const auto& it : records_) {
            if (&it != &records_.front()) text += ", ";
            text += "{\"file\": \"" + it.file + "\", \"first\": " + std::to_string(it.first) +
                    ", \"last\": " + std::to_string(it.last) +
                    ", \"sent\": " + std::to_string(it.sent) +
                    ", \"asked_ns\": " + std::to_string(it.asked_ns) +
                    ", \"body_ns\": " + std::to_string(it.body_ns) +
                    ", \"end_ns\": " + std::to_string(it.end_ns) + "}";
        }
        return text + "]}";
    }

    const std::string folder_;
    const std::uint64_t rate_;
    const std::uint64_t line_;
    const std::chrono::milliseconds latency_;
    const int epoll_ = epoll_create1(0);
    int listener_ = -1;
    std::map<std::string, File> files_;
    std::map<int, std::unique_ptr<Connection>> connections_;
    std::deque<std::unique_ptr<Connection>> closed_;
    std::set<Connection*> timed_;  // wait for a time, or are capped
    std::deque<Record> records_;   // their addresses stay
    Clock::time_point line_paced_ = Clock::now();
    double line_credit_ = 0;
    double share_ = 0;  // of the line's credit, for each connection in this turn
    std::uint64_t sent_ = 0;
    std::uint64_t accepted_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) stop("FOLDER is missing");
    std::uint64_t rate = 0;
    std::uint64_t line = 0;
    int latency_ms = 0;
    for (int i = 2; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        if (name == "--rate") rate = std::strtoull(argv[i + 1], nullptr, 10);
        else if (name == "--line") line = std::strtoull(argv[i + 1], nullptr, 10);
        else if (name == "--latency-ms") latency_ms = std::atoi(argv[i + 1]);
        else stop("unknown option " + std::string(name));
    }
    std::signal(SIGPIPE, SIG_IGN);
    Origin(argv[1], rate, line, latency_ms).run();
}
