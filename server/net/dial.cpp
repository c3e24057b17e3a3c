#include "server/net/dial.hpp"

#include "server/net/connect.hpp"
#include "server/net/egress.hpp"
#include "server/net/name_cache.hpp"
#include "server/net/tls_sessions.hpp"

namespace hubkeep {
namespace {

Error with_origin(const Origin& origin, Error error) {
    error.message = "cannot connect to " + origin.url() + ": " + error.message;
    // Before the first request it makes no difference how the other side was lost.
    if (error.kind == ErrorKind::closed || error.kind == ErrorKind::io) {
        error.kind = ErrorKind::unreachable;
    }
    return error;
}

Task<Result<Socket>> connect_to(IoThread& thread, std::string host, std::uint16_t port,
                                const DialSettings& settings, TimePoint deadline) {
    auto found = settings.names ? settings.names->find(thread, std::move(host), port, deadline)
                                : lookup(thread, std::move(host), port, deadline);
    auto endpoints = co_await std::move(found);
    if (!endpoints) co_return std::unexpected(endpoints.error());
    auto socket = co_await connect_any(thread, std::move(*endpoints), deadline);
    co_return socket;
}

Task<Result<Socket>> connect_through(IoThread& thread, const Origin& origin,
                                     const DialSettings& settings, TimePoint deadline) {
    const EgressProxy& proxy = *settings.proxy;
    auto socket = co_await connect_to(thread, proxy.host, proxy.port, settings, deadline);
    if (!socket) {
        auto& error = socket.error();
        error.message = "the proxy " + proxy.address() + " cannot be reached: " + error.message;
        co_return socket;
    }
    auto tunnel = co_await open_tunnel(std::move(*socket), proxy, origin, deadline);
    co_return tunnel;
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> dial(IoThread& thread, Origin origin, DialSettings settings,
                                           SteadyClock::duration timeout) {
    const auto deadline = SteadyClock::now() + timeout;
    const bool direct = !settings.proxy || !settings.proxy->is_used_for(origin.host);
    auto connected = direct ? connect_to(thread, origin.host, origin.port, settings, deadline)
                            : connect_through(thread, origin, settings, deadline);
    auto socket = co_await std::move(connected);
    if (!socket) co_return std::unexpected(with_origin(origin, socket.error()));
    error_code ignored;
    // A dead link is then noticed even where nobody reads.
    socket->set_option(asio::socket_base::keep_alive(true), ignored);
    auto stream =
        std::make_unique<Stream>(thread, std::move(*socket), origin.tls ? settings.tls : nullptr);
    if (origin.tls) {
        stream->expires_after(deadline - SteadyClock::now());
        if (settings.sessions) stream->resume(settings.sessions, origin.url());
        auto done = co_await stream->connect_tls(origin.host);
        if (!done) co_return std::unexpected(with_origin(origin, done.error()));
        stream->expires_never();
    }
    co_return stream;
}

}  // namespace hubkeep
