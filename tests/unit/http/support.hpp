#pragma once
// A server made of a lambda, for the tests of sessions and of the client.

#include "server/http/session.hpp"
#include "server/net/listener.hpp"
#include "tests/unit/net/support.hpp"

namespace hubkeep::test {

using Handle = std::function<Task<void>(Exchange&)>;

class LambdaHandler final : public Handler {
  public:
    explicit LambdaHandler(Handle handle) : handle_(std::move(handle)) {}
    Task<void> handle(Exchange& exchange) override {
        ++calls;
        return handle_(exchange);
    }
    std::atomic<int> calls{0};

  private:
    Handle handle_;
};

// Listens on a free port until it is destroyed; then no session may be left in a handler.
class TestServer {
  public:
    explicit TestServer(Handle handle, SessionLimits limits = {}, TlsContext context = nullptr,
                        std::size_t thread_count = 1, LogLevel level = LogLevel::off)
        : log(level, LogFormat::json),
          io(thread_count, log),
          handler(std::move(handle)),
          hub((tls.replace(std::move(context)), handler), log, tls, limits) {
        io.start();
        const auto on_connection = [this](IoThread& thread, Socket socket) {
            thread.tasks().spawn("session", hub.serve(thread, std::move(socket)));
        };
        auto opened = Listener::open(io, {.host = "127.0.0.1", .port = 0}, on_connection, log);
        EXPECT_TRUE(opened) << opened.error().message;
        listener = std::move(*opened);
        listener->start();
    }
    ~TestServer() {
        listener->stop();
        hub.drain(io);
        io.on_each([](IoThread& thread) { thread.close_streams(); });
        io.join();
        EXPECT_EQ(hub.open(), 0u);
    }
    RawSocket connect() const { return RawSocket::connect(listener->port()); }
    Origin origin(bool secure = false, std::string host = "127.0.0.1") const {
        return {.tls = secure, .host = std::move(host), .port = listener->port()};
    }

    Log log;
    IoThreads io;
    ServerTls tls;
    LambdaHandler handler;
    SessionHub hub;
    std::unique_ptr<Listener> listener;
};

// Answers with the method, the target and the body.
inline Task<void> echo(Exchange& exchange) {
    auto body = co_await exchange.read_body(1024 * 1024);
    ResponseHead head{.status = body ? 200 : 413, .headers = {}};
    std::string text = exchange.request().method + " " + exchange.request().target + " ";
    text += body ? *body : body.error().message;
    co_await exchange.respond(std::move(head), std::move(text));
}

inline std::string get(std::string_view path, std::string_view fields = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

// One answer from a raw connection, framed by its Content-Length.
struct RawAnswer {
    int status = 0;
    std::string head;
    std::string body;

    std::string field(std::string_view name) const {
        const std::string start = "\r\n" + std::string(name) + ": ";
        const auto at = head.find(start);
        if (at == std::string::npos) return "";
        const auto begin = at + start.size();
        return head.substr(begin, head.find("\r\n", begin) - begin);
    }
};

inline RawAnswer read_answer(RawSocket& socket, bool to_head = false) {
    RawAnswer answer;
    answer.head = socket.read_until("\r\n\r\n");
    if (answer.head.size() > 12) answer.status = std::atoi(answer.head.c_str() + 9);
    const auto length = answer.field("Content-Length");
    if (!to_head && !length.empty()) answer.body = socket.read_exactly(std::stoul(length));
    return answer;
}

}  // namespace hubkeep::test
