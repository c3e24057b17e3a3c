#include "server/net/stream.hpp"

#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <cstring>

#include "common/check.hpp"
#include "server/net/peer_name.hpp"
#include "server/net/stream_state.hpp"

namespace hubkeep {
namespace {

constexpr auto goodbye_time = seconds(2);
constexpr std::size_t goodbye_bytes = 8 * 1024 * 1024;

error_code last_error() {
    return {errno, boost::system::system_category()};
}

bool would_block(int number) {
    return number == EAGAIN || number == EWOULDBLOCK;
}

}  // namespace

std::optional<asio::ip::tcp::endpoint> tcp_endpoint(const Socket::endpoint_type& endpoint) {
    const int family = endpoint.protocol().family();
    asio::ip::tcp::endpoint tcp;
    if ((family != AF_INET && family != AF_INET6) || endpoint.size() > tcp.capacity()) return {};
    std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
    tcp.resize(endpoint.size());
    return tcp;
}

Stream::Stream(IoThread& thread, Socket socket, std::shared_ptr<asio::ssl::context> tls)
    : thread_(thread), state_(std::make_shared<State>(std::move(socket), std::move(tls))) {
    thread_.add(*this);
}

Stream::~Stream() {
    state_->close();
    thread_.remove(*this);
}

Task<Result<void>> Stream::accept_tls() {
    State& s = *state_;
    if (!s.tls) co_return Result<void>();
    auto [ec] = co_await s.tls->async_handshake(asio::ssl::stream_base::server, as_result);
    if (ec) co_return s.failure(ec, "TLS handshake");
    s.tls_ready = true;
    co_return Result<void>();
}

std::string Stream::peer_certificate() const {
    return state_->tls ? peer_name(state_->tls->native_handle()) : std::string();
}

void Stream::resume(std::shared_ptr<TlsSessions> sessions, std::string server) {
    State& s = *state_;
    CHECK(s.tls.has_value());
    SSL* const ssl = s.tls->native_handle();
    if (const auto session = sessions->take(server)) SSL_set_session(ssl, session.get());
    s.sink = {std::move(sessions), std::move(server)};
    set_sink(ssl, &s.sink);
}

Task<Result<void>> Stream::connect_tls(std::string host) {
    State& s = *state_;
    CHECK(s.tls.has_value());
    error_code not_an_address;
    asio::ip::make_address(host, not_an_address);
    SSL* const ssl = s.tls->native_handle();
    // RFC 6066 section 3: literal addresses are not permitted in server_name.
    if (not_an_address && SSL_set_tlsext_host_name(ssl, host.c_str()) != 1) {
        co_return fail(ErrorKind::invalid, "not a host name for TLS: " + host);
    }
    s.tls->set_verify_mode(asio::ssl::verify_peer);
    s.tls->set_verify_callback(asio::ssl::host_name_verification(host));
    auto [ec] = co_await s.tls->async_handshake(asio::ssl::stream_base::client, as_result);
    if (!ec) {
        s.tls_ready = true;
        co_return Result<void>();
    }
    const long verdict = SSL_get_verify_result(ssl);
    const bool refused =
        ERR_GET_LIB(static_cast<unsigned long>(ec.value())) == ERR_LIB_SSL &&
        ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    if (!refused || !s.socket.is_open()) co_return s.failure(ec, "TLS handshake with " + host);
    const std::string why = verdict == X509_V_OK ? "it was issued for another host"
                                                 : X509_verify_cert_error_string(verdict);
    co_return fail(ErrorKind::protocol, "the certificate of " + host + " is refused: " + why);
}

Task<Result<std::size_t>> Stream::read_some(std::span<char> buffer) {
    State& s = *state_;
    CHECK(!buffer.empty());
    if (s.due()) co_await s.rest();
    if (s.tls) {
        auto result = co_await s.read_tls(buffer);
        co_return result;
    }
    while (s.socket.is_open()) {
        const auto count =
            ::recv(s.socket.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count >= 0) {
            s.burst += static_cast<std::size_t>(count);
            co_return static_cast<std::size_t>(count);
        }
        if (errno == EINTR) continue;
        if (!would_block(errno)) co_return s.failure(last_error(), "reading");
        const auto ec = co_await s.wait_for(Socket::wait_read);
        if (ec) co_return s.failure(ec, "reading");
    }
    co_return s.failure({}, "reading");
}

Task<Result<std::size_t>> Stream::State::read_tls(std::span<char> buffer) {
    if (!socket.is_open()) co_return failure({}, "reading");
    auto [ec, count] =
        co_await tls->async_read_some(asio::buffer(buffer.data(), buffer.size()), as_result);
    // Only close_notify is an orderly end; a bare FIN could come from anybody on the way.
    if (ec == asio::error::eof && socket.is_open()) co_return std::size_t{0};
    if (ec) co_return failure(ec, "reading");
    burst += count;
    co_return count;
}

Task<Result<void>> Stream::write(std::span<const asio::const_buffer> pieces, WriteOptions options) {
    State& s = *state_;
    if (s.due()) co_await s.rest();
    Pieces rest(pieces);
    if (s.tls) {
        auto result = co_await s.write_tls(rest, options);
        co_return result;
    }
    while (!rest.empty()) {
        if (!s.socket.is_open()) co_return s.failure({}, "writing");
        const auto sent = s.try_write(rest, options.more);
        if (!sent) co_return s.failure(sent.error(), "writing");
        if (*sent > 0) {
            s.progress(options.stall);
        } else {
            const auto ec = co_await s.wait_for(Socket::wait_write);
            if (ec) co_return s.failure(ec, "writing");
        }
    }
    co_return Result<void>();
}

std::expected<std::size_t, error_code> Stream::State::try_write(Pieces& pieces, bool more) {
    std::array<iovec, Pieces::limit> vectors;
    std::size_t count = 0;
    for (const auto& piece : pieces.rest()) {
        vectors[count++] = {const_cast<void*>(piece.data()), piece.size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket.native_handle(), &message, flags);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && would_block(errno)) return 0;
    if (sent < 0) return std::unexpected(last_error());
    pieces.consume(static_cast<std::size_t>(sent));
    burst += static_cast<std::size_t>(sent);
    return static_cast<std::size_t>(sent);
}

Task<Result<void>> Stream::State::write_tls(Pieces pieces, WriteOptions options) {
    while (!pieces.empty()) {
        if (!socket.is_open()) co_return failure({}, "writing");
        auto [ec, count] = co_await tls->async_write_some(pieces.rest(), as_result);
        if (ec) co_return failure(ec, "writing");
        pieces.consume(count);
        burst += count;
        progress(options.stall);
    }
    co_return Result<void>();
}

void Stream::expires_after(SteadyClock::duration time) {
    const auto now = SteadyClock::now();
    state_->watch(time < TimePoint::max() - now ? now + time : TimePoint::max());
}

void Stream::expires_never() {
    state_->watch(TimePoint::max());
}

Task<void> Stream::shutdown() {
    State& s = *state_;
    if (!s.socket.is_open()) co_return;
    expires_after(goodbye_time);
    if (s.tls_ready) co_await s.tls->async_shutdown(as_result);
    error_code ec;
    if (s.socket.is_open()) s.socket.shutdown(Socket::shutdown_send, ec);
    // Closing with unread input would send a reset, which can overtake the answer and destroy it.
    std::array<char, 16384> dropped;
    std::size_t total = 0;
    while (s.socket.is_open() && total < goodbye_bytes) {
        const auto count =
            ::recv(s.socket.native_handle(), dropped.data(), dropped.size(), MSG_DONTWAIT);
        if (count > 0) {
            total += static_cast<std::size_t>(count);
            continue;
        }
        if (count == 0 || (errno != EINTR && !would_block(errno))) break;
        ec = co_await s.wait_for(Socket::wait_read);
        if (ec) break;
    }
    close();
}

void Stream::close() {
    state_->close();
}

void Stream::reset() {
    error_code ignored;
    state_->socket.set_option(asio::socket_base::linger(true, 0), ignored);
    state_->close();
}

bool Stream::is_open() const {
    return state_->socket.is_open();
}

bool Stream::has_input_or_eof() {
    State& s = *state_;
    if (!s.socket.is_open()) return true;
    if (s.tls) {
        SSL* const ssl = s.tls->native_handle();
        if (SSL_has_pending(ssl) || BIO_pending(SSL_get_rbio(ssl)) > 0) return true;
    }
    char byte = 0;
    const auto count = ::recv(s.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count >= 0 || !would_block(errno);
}

bool Stream::peer_gone() const {
    if (!state_->socket.is_open()) return true;
    char byte = 0;
    const auto count = ::recv(state_->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && !would_block(errno) && errno != EINTR);
}

std::string Stream::peer() const {
    const auto remote = tcp_endpoint(state_->remote);
    // A client that is gone by now has no address any more.
    if (!remote) return state_->remote.protocol().family() == AF_UNIX ? "unix" : "unknown";
    auto address = remote->address();
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    }
    const std::string port = ":" + std::to_string(remote->port());
    return address.is_v6() ? "[" + address.to_string() + "]" + port : address.to_string() + port;
}

}  // namespace hubkeep
