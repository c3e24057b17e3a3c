#include "server/net/stream.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <cstring>

#include "common/check.hpp"
#include "server/net/peer_name.hpp"
#include "server/net/stream_state.hpp"

namespace hubkeep {
namespace {

constexpr auto goodbye_time = seconds(2);
constexpr std::size_t goodbye_bytes = 8 * 1024 * 1024;

bool would_block(int number) {
    return number == EAGAIN || number == EWOULDBLOCK;
}

std::string why_refused(long verdict) {
    const bool other_host =
        verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH;
    return other_host ? "it was issued for another host" : X509_verify_cert_error_string(verdict);
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
    : thread_(thread), state_(std::make_shared<State>(thread, std::move(socket), std::move(tls))) {
    thread_.add(*this);
}

Stream::~Stream() {
    state_->close();
    thread_.remove(*this);
}

Task<Result<void>> Stream::accept_tls() {
    State& s = *state_;
    if (!s.tls) co_return Result<void>();
    const auto ec = co_await s.handshake(&TlsEngine::accept);
    if (ec) co_return s.failure(ec, "TLS handshake");
    co_return Result<void>();
}

std::string Stream::peer_certificate() const {
    return state_->tls ? peer_name(state_->tls->native()) : std::string();
}

void Stream::resume(std::shared_ptr<TlsSessions> sessions, std::string server) {
    State& s = *state_;
    CHECK(s.tls.has_value());
    SSL* const ssl = s.tls->native();
    if (const auto session = sessions->take(server)) SSL_set_session(ssl, session.get());
    s.sink = {std::move(sessions), std::move(server)};
    set_sink(ssl, &s.sink);
}

Task<Result<void>> Stream::connect_tls(std::string host) {
    State& s = *state_;
    CHECK(s.tls.has_value());
    error_code not_an_address;
    asio::ip::make_address(host, not_an_address);
    if (!s.tls->expect_host(host, !not_an_address)) {
        co_return fail(ErrorKind::invalid, "not a host name for TLS: " + host);
    }
    const auto ec = co_await s.handshake(&TlsEngine::connect);
    if (!ec) co_return Result<void>();
    const auto code = static_cast<unsigned long>(ec.value());
    const bool refused = ec.category() == asio::error::get_ssl_category() &&
                         ERR_GET_LIB(code) == ERR_LIB_SSL &&
                         ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    if (!refused || !s.socket.is_open()) co_return s.failure(ec, "TLS handshake with " + host);
    co_return fail(ErrorKind::protocol, "the certificate of " + host + " is refused: " +
                                            why_refused(SSL_get_verify_result(s.tls->native())));
}

Task<Result<void>> Stream::wait_for_input() {
    State& s = *state_;
    if (!s.socket.is_open()) co_return s.failure({}, "reading");
    if (s.tls && s.tls->has_input()) co_return Result<void>();
    const auto ec = co_await s.wait_for(Socket::wait_read);
    if (ec) co_return s.failure(ec, "reading");
    co_return Result<void>();
}

Task<Result<std::size_t>> Stream::read_some(std::span<char> buffer) {
    State& s = *state_;
    CHECK(!buffer.empty());
    if (s.due()) co_await s.rest();
    while (s.socket.is_open()) {
        const Step step = s.read_now(buffer);
        s.moved(step, {});
        if (step.kind == Step::Kind::done) co_return step.bytes;
        if (step.kind == Step::Kind::ended) co_return std::size_t{0};
        if (step.kind == Step::Kind::failed) co_return s.failure(step.error, "reading");
        const auto ec = co_await s.wait_for(step);
        if (ec) co_return s.failure(ec, "reading");
    }
    co_return s.failure({}, "reading");
}

Task<Result<void>> Stream::write(std::span<const asio::const_buffer> pieces, WriteOptions options) {
    State& s = *state_;
    Pieces rest(pieces);
    while (!rest.empty()) {
        if (s.due()) co_await s.rest();
        if (!s.socket.is_open()) co_return s.failure({}, "writing");
        const Step step = s.write_now(rest, options.more);
        s.moved(step, options.stall);
        rest.consume(step.bytes);
        if (step.kind == Step::Kind::done) continue;
        if (step.kind == Step::Kind::failed) co_return s.failure(step.error, "writing");
        const auto ec = co_await s.wait_for(step);
        if (ec) co_return s.failure(ec, "writing");
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
    while (s.tls && s.socket.is_open()) {
        const Step step = s.tls->say_goodbye();
        if (!step.waits()) break;
        const auto waited = co_await s.wait_for(step);
        if (waited) break;
    }
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
    if (s.tls && s.tls->has_input()) return true;
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
