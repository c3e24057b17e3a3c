#include "server/net/dial.hpp"

#include <algorithm>

#include "server/net/connect.hpp"
#include "server/net/egress.hpp"
#include "server/net/name_cache.hpp"
#include "server/net/reach.hpp"
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

bool is_direct(const Origin& origin, const DialSettings& settings) {
    return !settings.proxy || !settings.proxy->is_used_for(origin.host);
}

Task<Result<Endpoints>> find(IoThread& thread, std::string host, std::uint16_t port,
                             const DialSettings& settings, TimePoint deadline) {
    auto found = settings.names ? settings.names->find(thread, std::move(host), port, deadline)
                                : lookup(thread, std::move(host), port, deadline);
    auto endpoints = co_await std::move(found);
    co_return endpoints;
}

Task<Result<Socket>> connect_to(IoThread& thread, std::string host, std::uint16_t port,
                                const DialSettings& settings, TimePoint deadline) {
    auto endpoints = co_await find(thread, std::move(host), port, settings, deadline);
    if (!endpoints) co_return std::unexpected(endpoints.error());
    auto socket = co_await connect_any(thread, std::move(*endpoints), deadline);
    co_return socket;
}

std::unexpected<Error> not_followed() {
    return fail(ErrorKind::protocol,
                "it is not followed, because it leads into this network or machine");
}

Task<Reach> reach_of_origin(IoThread& thread, const Origin& origin, const DialSettings& settings,
                            TimePoint deadline) {
    if (!is_direct(origin, settings)) co_return reach_of_host(origin.host).value_or(Reach::world);
    const auto endpoints = co_await find(thread, origin.host, origin.port, settings, deadline);
    co_return endpoints ? reach_of(*endpoints) : Reach::world;
}

bool is_ourselves(const Socket& socket, const std::vector<std::uint16_t>& own_ports) {
    error_code ec;
    const auto there = tcp_endpoint(socket.remote_endpoint(ec));
    if (!there || std::ranges::find(own_ports, there->port()) == own_ports.end()) return false;
    const auto here = tcp_endpoint(socket.local_endpoint(ec));
    return here &&
           (reach_of(there->address()) == Reach::machine || here->address() == there->address());
}

// To where an answer of `by` leads. The addresses are looked at after the lookup, so a name that
// somebody else controls is no way in.
Task<Result<Socket>> connect_led(IoThread& thread, const Origin& origin, const Origin& by,
                                 const DialSettings& settings, TimePoint deadline) {
    const auto reach = co_await reach_of_origin(thread, by, settings, deadline);
    const auto found = co_await find(thread, origin.host, origin.port, settings, deadline);
    if (!found) co_return std::unexpected(found.error());
    auto endpoints = within(*found, reach);
    if (endpoints.empty()) co_return not_followed();
    auto socket = co_await connect_any(thread, std::move(endpoints), deadline);
    if (socket && is_ourselves(*socket, settings.own_ports)) co_return not_followed();
    co_return socket;
}

Task<Result<Socket>> connect_through(IoThread& thread, const Origin& origin,
                                     const std::optional<Origin>& led_by,
                                     const DialSettings& settings, TimePoint deadline) {
    const EgressProxy& proxy = *settings.proxy;
    if (led_by) {
        const auto allowed = co_await reach_of_origin(thread, *led_by, settings, deadline);
        const auto reach = reach_of_host(origin.host);
        if (!reach || *reach > allowed) co_return not_followed();
    }
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
                                           SteadyClock::duration timeout,
                                           std::optional<Origin> led_by) {
    const auto deadline = SteadyClock::now() + timeout;
    auto connected = !is_direct(origin, settings)
                         ? connect_through(thread, origin, led_by, settings, deadline)
                     : led_by ? connect_led(thread, origin, *led_by, settings, deadline)
                              : connect_to(thread, origin.host, origin.port, settings, deadline);
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
