#include "server/net/egress.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <optional>

#include "common/byte_range.hpp"
#include "common/network.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_head = 16 * 1024;
constexpr std::size_t max_login_part = 255;

bool excepts(const std::string& rule, std::string_view host) {
    if (rule.starts_with('.')) return host.ends_with(rule) || host == rule.substr(1);
    if (rule == host) return true;
    error_code ec;
    const auto address = asio::ip::make_address(std::string(host), ec);
    const auto network = Network::parse(rule);
    return !ec && network && network->contains(address);
}

std::string base64(std::string_view text) {
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::string host_and_port(std::string_view host, std::uint16_t port) {
    const bool v6 = host.find(':') != std::string_view::npos;
    return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

// One handshake: a socket that a timer closes when the time is up. Shared with that timer.
class Talk : public std::enable_shared_from_this<Talk> {
  public:
    Talk(Socket socket, const EgressProxy& proxy)
        : socket_(std::move(socket)), proxy_(proxy), timer_(socket_.get_executor()) {}

    void begin(TimePoint deadline) {
        timer_.expires_at(deadline);
        timer_.async_wait([self = shared_from_this()](const error_code& ec) {
            error_code ignored;
            if (!ec && !self->over_) self->socket_.close(ignored);
        });
    }
    Socket end() {
        over_ = true;
        timer_.cancel();
        return std::move(socket_);
    }
    std::unexpected<Error> refuse(ErrorKind kind, std::string_view what) const {
        return fail(kind, fmt::format("the proxy {} {}", proxy_.address(), what));
    }

    Task<Result<void>> connect(const Origin& target);
    Task<Result<void>> socks(const Origin& target);

  private:
    Task<Result<void>> send(std::string text);
    Task<Result<std::string>> receive(std::size_t size);
    Task<Result<std::string>> receive_head();
    Task<Result<void>> log_in_to_socks();
    std::unexpected<Error> lost() const {
        if (!socket_.is_open()) return refuse(ErrorKind::timed_out, "did not answer in time");
        return refuse(ErrorKind::closed, "closed the connection during the handshake");
    }

    Socket socket_;
    const EgressProxy& proxy_;
    asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor> timer_;
    bool over_ = false;
};

Task<Result<void>> Talk::send(std::string text) {
    const WipedText wiped(std::move(text));
    auto [ec, size] = co_await asio::async_write(socket_, asio::buffer(wiped.text), as_result);
    if (ec || size != wiped.text.size()) co_return lost();
    co_return Result<void>();
}

Task<Result<std::string>> Talk::receive(std::size_t size) {
    std::string text(size, '\0');
    auto [ec, count] = co_await asio::async_read(socket_, asio::buffer(text), as_result);
    if (ec || count != size) co_return lost();
    co_return text;
}

Task<Result<std::string>> Talk::receive_head() {
    std::string text;
    std::array<char, 1024> piece;
    for (;;) {
        auto [ec, count] = co_await socket_.async_read_some(asio::buffer(piece), as_result);
        if (ec) co_return lost();
        text.append(piece.data(), count);
        const auto end = text.find("\r\n\r\n");
        // The target speaks when it is spoken to: what comes before is planted.
        if (end != std::string::npos && end + 4 != text.size() && text.starts_with("HTTP/1.") &&
            text.substr(8).starts_with(" 2")) {
            co_return refuse(ErrorKind::protocol, "sent bytes in front of the connection's own");
        }
        if (end != std::string::npos) co_return text.substr(0, end);
        if (text.size() > max_head) {
            co_return refuse(ErrorKind::protocol, "answered with a head that is too large");
        }
    }
}

Task<Result<void>> Talk::connect(const Origin& target) {
    const auto where = host_and_port(target.host, target.port);
    auto request = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", where);
    if (!proxy_.login.empty()) {
        const WipedText login(base64(proxy_.login.reveal()));
        request.reserve(request.size() + login.text.size() + 64);
        request.append("Proxy-Authorization: Basic ").append(login.text).append("\r\n");
    }
    request += "\r\n";
    auto sent = co_await send(std::move(request));
    if (!sent) co_return sent;
    const auto head = co_await receive_head();
    if (!head) co_return std::unexpected(head.error());
    const auto status = head->starts_with("HTTP/1.") && head->size() >= 12
                            ? parse_u64(std::string_view(*head).substr(9, 3))
                            : std::nullopt;
    if (!status) co_return refuse(ErrorKind::protocol, "does not speak HTTP");
    if (*status >= 200 && *status < 300) co_return Result<void>();
    if (*status == 407) {
        co_return refuse(ErrorKind::denied,
                         proxy_.login.empty()
                             ? "answered 407: it wants a user and a password, set "
                               "upstream.proxy_auth_file"
                             : "answered 407: it refuses the user or the password in "
                               "upstream.proxy_auth_file");
    }
    co_return refuse(ErrorKind::unreachable, fmt::format("answered {} for {}", *status, where));
}

Task<Result<void>> Talk::log_in_to_socks() {
    const auto login = proxy_.login.reveal();
    const auto colon = login.find(':');
    const auto user = login.substr(0, colon);
    const auto password = colon == std::string_view::npos ? "" : login.substr(colon + 1);
    if (user.size() > max_login_part || password.size() > max_login_part) {
        co_return refuse(ErrorKind::invalid, "takes users and passwords of 255 bytes at most");
    }
    std::string text = "\x01";
    text.reserve(3 + login.size());
    text += static_cast<char>(user.size());
    text += user;
    text += static_cast<char>(password.size());
    text += password;
    auto sent = co_await send(std::move(text));
    if (!sent) co_return sent;
    const auto verdict = co_await receive(2);
    if (!verdict) co_return std::unexpected(verdict.error());
    if ((*verdict)[1] == 0) co_return Result<void>();
    co_return refuse(ErrorKind::denied,
                     "refuses the user or the password in upstream.proxy_auth_file");
}

// RFC 1928 section 6.
std::string_view meaning_of(unsigned char reply) {
    constexpr std::array<std::string_view, 9> meanings{"",
                                                       "it failed",
                                                       "its rules forbid it",
                                                       "the network is unreachable",
                                                       "the host is unreachable",
                                                       "the connection was refused",
                                                       "the time ran out",
                                                       "it does not know the command",
                                                       "it does not know the kind of address"};
    return reply < meanings.size() ? meanings[reply] : "for an unknown reason";
}

std::string socks_address(const Origin& target) {
    error_code ec;
    const auto address = asio::ip::make_address(target.host, ec);
    std::string text;
    if (ec) {
        text = "\x03";
        text += static_cast<char>(target.host.size());
        text += target.host;
    } else if (address.is_v4()) {
        const auto bytes = address.to_v4().to_bytes();
        text = "\x01" + std::string(bytes.begin(), bytes.end());
    } else {
        const auto bytes = address.to_v6().to_bytes();
        text = "\x04" + std::string(bytes.begin(), bytes.end());
    }
    text += static_cast<char>(target.port >> 8);
    text += static_cast<char>(target.port & 0xFF);
    return text;
}

Task<Result<void>> Talk::socks(const Origin& target) {
    using namespace std::string_literals;
    // Version 5; no login, and a login when we have one.
    auto sent = co_await send(proxy_.login.empty() ? "\x05\x01\x00"s : "\x05\x02\x00\x02"s);
    if (!sent) co_return sent;
    const auto method = co_await receive(2);
    if (!method) co_return std::unexpected(method.error());
    if ((*method)[0] != 5) co_return refuse(ErrorKind::protocol, "does not speak SOCKS5");
    if ((*method)[1] == 2 && !proxy_.login.empty()) {
        auto logged_in = co_await log_in_to_socks();
        if (!logged_in) co_return logged_in;
    } else if ((*method)[1] != 0) {
        co_return refuse(ErrorKind::denied,
                         "wants another login than upstream.proxy_auth_file gives");
    }
    sent = co_await send("\x05\x01\x00"s + socks_address(target));
    if (!sent) co_return sent;
    const auto reply = co_await receive(5);
    if (!reply) co_return std::unexpected(reply.error());
    const auto code = static_cast<unsigned char>((*reply)[1]);
    if (code != 0) {
        co_return refuse(ErrorKind::unreachable,
                         fmt::format("cannot connect to {}: {}",
                                     host_and_port(target.host, target.port), meaning_of(code)));
    }
    // The rest of the address that the proxy uses, which is nobody's business, and the port.
    const auto kind = (*reply)[3];
    const std::size_t name = static_cast<unsigned char>((*reply)[4]);
    const std::size_t rest = kind == 1 ? 3 : kind == 4 ? 15 : name;
    const auto bound = co_await receive(rest + 2);
    if (!bound) co_return std::unexpected(bound.error());
    co_return Result<void>();
}

}  // namespace

bool EgressProxy::is_used_for(std::string_view target_host) const {
    for (const auto& rule : no_proxy) {
        if (excepts(rule, target_host)) return false;
    }
    return true;
}

std::string EgressProxy::address() const {
    return host_and_port(host, port);
}

Result<EgressProxy> parse_egress_proxy(std::string_view text) {
    constexpr std::string_view http = "http://";
    constexpr std::string_view socks = "socks5://";
    EgressProxy proxy;
    proxy.kind = text.starts_with(socks) ? EgressProxy::Kind::socks5 : EgressProxy::Kind::connect;
    const auto scheme = proxy.kind == EgressProxy::Kind::socks5 ? socks : http;
    if (!text.starts_with(scheme)) {
        return fail(ErrorKind::invalid, "is not http://host:port or socks5://host:port");
    }
    const auto url = parse_url(std::string(http) + std::string(text.substr(scheme.size())));
    if (!url) return std::unexpected(url.error());
    proxy.host = url->origin.host;
    proxy.port = url->origin.port;
    return proxy;
}

Task<Result<Socket>> open_tunnel(Socket socket, const EgressProxy& proxy, const Origin& target,
                                 TimePoint deadline) {
    const auto talk = std::make_shared<Talk>(std::move(socket), proxy);
    talk->begin(deadline);
    auto asked =
        proxy.kind == EgressProxy::Kind::socks5 ? talk->socks(target) : talk->connect(target);
    const auto open = co_await std::move(asked);
    auto tunnel = talk->end();
    if (!open) co_return std::unexpected(open.error());
    co_return tunnel;
}

}  // namespace hubkeep
