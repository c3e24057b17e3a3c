#include "server/net/dial.hpp"

#include <boost/asio/steady_timer.hpp>

#include "server/net/lookup.hpp"

namespace hubkeep {
namespace {

// One attempt to connect. Shared with its timer, which may fire when the attempt is already over.
struct Attempt {
    explicit Attempt(const Executor& executor) : socket(executor), timer(executor) {}
    Socket socket;
    asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor> timer;
    bool over = false;
};

Task<Result<Socket>> connect(IoThread& thread, asio::ip::tcp::endpoint endpoint,
                             TimePoint deadline) {
    const auto attempt = std::make_shared<Attempt>(thread.executor());
    attempt->timer.expires_at(deadline);
    attempt->timer.async_wait([attempt](const error_code& ec) {
        error_code ignored;
        if (!ec && !attempt->over) attempt->socket.close(ignored);
    });
    auto [ec] = co_await attempt->socket.async_connect(endpoint, as_result);
    attempt->over = true;
    attempt->timer.cancel();
    if (!attempt->socket.is_open()) co_return fail(ErrorKind::timed_out, "no answer in time");
    if (ec) co_return fail(ErrorKind::unreachable, ec.message(), ec.value());
    co_return std::move(attempt->socket);
}

// An address that swallows packets must leave time for the next one.
TimePoint share_of(TimePoint deadline, std::size_t addresses_left) {
    const auto now = SteadyClock::now();
    if (addresses_left == 1 || now >= deadline) return deadline;
    return now + (deadline - now) / 2;
}

Task<Result<Socket>> connect_any(IoThread& thread, Endpoints endpoints, TimePoint deadline) {
    Error last{ErrorKind::unreachable, "no address to try"};
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const auto until = share_of(deadline, endpoints.size() - i);
        auto socket = co_await connect(thread, endpoints[i], until);
        if (socket) co_return socket;
        last = std::move(socket.error());
        if (SteadyClock::now() >= deadline) break;
    }
    co_return std::unexpected(std::move(last));
}

Error with_origin(const Origin& origin, Error error) {
    error.message = "cannot connect to " + origin.url() + ": " + error.message;
    // Before the first request it makes no difference how the other side was lost.
    if (error.kind == ErrorKind::closed || error.kind == ErrorKind::io) {
        error.kind = ErrorKind::unreachable;
    }
    return error;
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> dial(IoThread& thread, Origin origin,
                                           std::shared_ptr<asio::ssl::context> tls,
                                           SteadyClock::duration timeout) {
    const auto deadline = SteadyClock::now() + timeout;
    auto endpoints = co_await lookup(thread, origin.host, origin.port, deadline);
    if (!endpoints) co_return std::unexpected(with_origin(origin, endpoints.error()));
    auto socket = co_await connect_any(thread, std::move(*endpoints), deadline);
    if (!socket) co_return std::unexpected(with_origin(origin, socket.error()));
    error_code ignored;
    // A dead link is then noticed even where nobody reads.
    socket->set_option(asio::socket_base::keep_alive(true), ignored);
    auto stream =
        std::make_unique<Stream>(thread, std::move(*socket), origin.tls ? std::move(tls) : nullptr);
    if (origin.tls) {
        stream->expires_after(deadline - SteadyClock::now());
        auto done = co_await stream->connect_tls(origin.host);
        if (!done) co_return std::unexpected(with_origin(origin, done.error()));
        stream->expires_never();
    }
    co_return stream;
}

}  // namespace hubkeep
