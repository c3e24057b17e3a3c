#include "server/net/listener.hpp"

#include <sys/stat.h>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include "common/waiters.hpp"

namespace hubkeep {
namespace {

using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, Executor>;

constexpr int backlog = 1024;
// A thread with much to send comes back to the listener only after everything else had its turn.
constexpr int accepts_per_turn = 64;
constexpr auto pause = milliseconds(100);
constexpr auto warn_every = seconds(10);

std::size_t open_streams(IoThreads& threads) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < threads.size(); ++i) sum += threads.at(i).open_streams();
    return sum;
}

// Of the file that bind() makes: nobody else may connect, not even for a moment.
constexpr mode_t file_mode = 0600;

void close(Acceptor& acceptor) {
    error_code ignored;
    acceptor.close(ignored);
}

error_code bind(Acceptor& acceptor, const asio::ip::tcp::endpoint& endpoint) {
    error_code ec;
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec && endpoint.address().is_v6() && endpoint.address().is_unspecified()) {
        acceptor.set_option(asio::ip::v6_only(false), ec);
    }
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(backlog, ec);
    if (!ec) acceptor.non_blocking(true, ec);
    if (ec) close(acceptor);
    return ec;
}

error_code bind_file(Acceptor& acceptor, const asio::local::stream_protocol::endpoint& endpoint) {
    error_code ec;
    acceptor.open(endpoint.protocol(), ec);
    // Linux gives the file the mode of the socket.
    if (!ec && ::fchmod(acceptor.native_handle(), file_mode) != 0) {
        ec.assign(errno, boost::system::system_category());
    }
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(backlog, ec);
    if (!ec) acceptor.non_blocking(true, ec);
    if (ec) close(acceptor);
    return ec;
}

// Makes room for a new socket file; what is there may be another daemon's, or no socket at all.
Result<void> clear_place(const std::string& path) {
    std::error_code ec;
    const auto type = fs::symlink_status(path, ec).type();
    if (type == fs::file_type::not_found) return {};
    const std::string where = "cannot listen on unix:" + path;
    if (type != fs::file_type::socket) {
        return fail(ErrorKind::io, where + ": something else than a socket is at that place");
    }
    asio::io_context context;
    asio::local::stream_protocol::socket probe(context);
    error_code refused;
    probe.connect(asio::local::stream_protocol::endpoint(path), refused);
    if (refused == asio::error::connection_refused) return remove_file(path);
    if (!refused) return fail(ErrorKind::io, where + ": another program answers there");
    return fail(ErrorKind::io, where + ": " + refused.message(), refused.value());
}

std::string advice(const error_code& ec) {
    switch (ec.value()) {
        case EADDRINUSE: return "; another program uses that port, choose another one or stop it";
        case EACCES: return "; ports below 1024 need a privilege, choose a higher one";
        case EADDRNOTAVAIL: return "; this machine does not have that address";
        default: return "";
    }
}

std::string advice_on_file(const error_code& ec) {
    switch (ec.value()) {
        case ENOENT: return "; its folder must be there already";
        case EACCES: return "; this user may not make files in its folder";
        default: return "";
    }
}

}  // namespace

struct Listener::State : std::enable_shared_from_this<State> {
    State(IoThreads& t, OnConnection on, Log& l, std::size_t most)
        : threads(t),
          on_connection(std::move(on)),
          log(l),
          max_open(most),
          acceptor(t.at(0).executor()) {}

    Result<void> open_file(const std::string& path);
    Result<void> open_address(const ListenAddress& address);
    void hand_over(IoThread& thread, Socket socket);
    bool accept_now();
    bool has_room() const { return open_streams(threads) < max_open; }
    void complain(std::string_view what, std::string_view cause);
    static Task<void> accept(std::shared_ptr<State> self);
    void stop();

    IoThreads& threads;
    const OnConnection on_connection;
    Log& log;
    const std::size_t max_open;
    // From here on, thread 0 alone.
    Acceptor acceptor;
    asio::ip::tcp::endpoint local;
    std::string socket_file;  // "" when there is none
    bool stopped = false;
    TimePoint silent_until = TimePoint::min();
};

void Listener::State::hand_over(IoThread& thread, Socket socket) {
    asio::post(thread.executor(),
               [self = shared_from_this(), &thread, socket = std::move(socket)]() mutable {
                   self->on_connection(thread, std::move(socket));
               });
}

void Listener::State::complain(std::string_view what, std::string_view cause) {
    if (SteadyClock::now() < silent_until) return;
    silent_until = SteadyClock::now() + warn_every;
    log.warn(what, {{"cause", cause}, {"open", open_streams(threads)}});
}

// False when nobody waits, or cannot be accepted now.
bool Listener::State::accept_now() {
    IoThread& thread = threads.next();
    Socket socket(thread.executor());
    error_code ec;
    acceptor.accept(socket, ec);
    if (!ec) hand_over(thread, std::move(socket));
    return !ec;
}

Task<void> Listener::State::accept(std::shared_ptr<State> self) {
    while (!self->stopped) {
        if (!self->has_room()) {
            self->complain("new connections wait", "the limit of open connections is reached");
            co_await sleep_for(pause);
            continue;
        }
        IoThread& thread = self->threads.next();
        auto [ec, socket] = co_await self->acceptor.async_accept(thread.executor(), as_result);
        if (!ec) {
            self->hand_over(thread, std::move(socket));
            int more = accepts_per_turn;
            while (--more > 0 && self->has_room() && self->accept_now()) {
            }
        } else if (!self->stopped && ec != asio::error::connection_aborted) {
            self->complain("cannot accept connections for now", ec.message());
            co_await sleep_for(pause);
        }
    }
}

void Listener::State::stop() {
    if (stopped) return;
    stopped = true;
    // Before it closes, so that it cannot be the file of who comes next.
    if (!socket_file.empty()) static_cast<void>(remove_file(socket_file));
    // Clients that wait in the backlog believe to be connected: they get an answer, not a reset.
    while (accept_now()) {
    }
    error_code ec;
    acceptor.close(ec);
}

Result<void> Listener::State::open_file(const std::string& path) {
    const auto cleared = clear_place(path);
    if (!cleared) return cleared;
    const auto ec = bind_file(acceptor, asio::local::stream_protocol::endpoint(path));
    if (ec) {
        return fail(ErrorKind::io,
                    "cannot listen on unix:" + path + ": " + ec.message() + advice_on_file(ec),
                    ec.value());
    }
    socket_file = path;
    return {};
}

Result<void> Listener::State::open_address(const ListenAddress& address) {
    error_code ec;
    asio::ip::address host = asio::ip::address_v6::any();
    if (!address.host.empty()) host = asio::ip::make_address(address.host, ec);
    if (ec) {
        return fail(ErrorKind::invalid,
                    "cannot listen on " + address.host + ": give an IP address of this machine");
    }
    ec = bind(acceptor, {host, address.port});
    if (ec && address.host.empty()) {  // a kernel without IPv6
        ec = bind(acceptor, {asio::ip::address_v4::any(), address.port});
    }
    if (ec) {
        const std::string where =
            (address.host.empty() ? "*" : address.host) + ":" + std::to_string(address.port);
        return fail(ErrorKind::io, "cannot listen on " + where + ": " + ec.message() + advice(ec),
                    ec.value());
    }
    local = tcp_endpoint(acceptor.local_endpoint(ec)).value_or(asio::ip::tcp::endpoint());
    return {};
}

Result<std::unique_ptr<Listener>> Listener::open(IoThreads& threads, const ListenAddress& address,
                                                 OnConnection on_connection, Log& log,
                                                 std::size_t max_open) {
    auto state = std::make_shared<State>(threads, std::move(on_connection), log, max_open);
    const auto opened = address.socket_file.empty() ? state->open_address(address)
                                                    : state->open_file(address.socket_file);
    if (!opened) return std::unexpected(opened.error());
    return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::~Listener() {
    stop();
}

std::string Listener::address() const {
    if (!state_->socket_file.empty()) return "unix:" + state_->socket_file;
    const auto address = host();
    return (state_->local.address().is_v6() ? "[" + address + "]" : address) + ":" +
           std::to_string(port());
}

std::string Listener::host() const {
    return state_->socket_file.empty() ? state_->local.address().to_string() : std::string();
}

std::uint16_t Listener::port() const {
    return state_->socket_file.empty() ? state_->local.port() : 0;
}

void Listener::start() {
    state_->threads.at(0).post(
        [state = state_] { state->threads.at(0).tasks().spawn("listener", State::accept(state)); });
}

void Listener::stop() {
    state_->threads.at(0).post([state = state_] { state->stop(); });
}

}  // namespace hubkeep
