#pragma once
// A client's connection to a server on loopback, plain or TLS 1.3, for one thread. Opening blocks;
// everything else does not: would_block means that epoll has to be asked. An error ends the
// program with a sentence: a measurement with a failed request in it would be worth nothing.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace bench {

constexpr ssize_t would_block = -1;

[[noreturn]] inline void stop(const std::string& why) {
    std::fprintf(stderr, "client: %s\n", why.c_str());
    std::exit(1);
}

// One cipher, so that every server encrypts with the same one, whatever it prefers.
inline SSL_CTX* client_context() {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1) {
        stop("OpenSSL has no TLS 1.3");
    }
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 256 * 1024);
    return context;
}

class Link {
  public:
    Link() = default;
    Link(const Link&) = delete;
    Link(Link&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), ssl_(std::exchange(other.ssl_, nullptr)) {}
    ~Link() { close(); }

    // `receive_buffer` is what the kernel may hold for a reader that is slow, 0 for its default.
    void open(std::uint16_t port, SSL_CTX* context, int receive_buffer = 0) {
        fd_ = socket(AF_INET, SOCK_STREAM, 0);
        if (fd_ < 0) stop(std::string("no socket: ") + std::strerror(errno));
        if (receive_buffer > 0) {
            setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            stop(std::string("cannot connect: ") + std::strerror(errno));
        }
        const int on = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (context) {
            ssl_ = SSL_new(context);
            SSL_set_fd(ssl_, fd_);
            if (SSL_connect(ssl_) != 1) stop("the TLS handshake failed");
        }
        fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
    }

    void close() {
        if (ssl_) SSL_free(ssl_);
        if (fd_ >= 0) ::close(fd_);
        ssl_ = nullptr;
        fd_ = -1;
    }

    int fd() const { return fd_; }

    void send_all(std::string_view data) {
        const auto sent = ssl_ ? SSL_write(ssl_, data.data(), static_cast<int>(data.size()))
                               : send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(data.size())) stop("a request could not be sent");
    }

    // 0: the server closed.
    ssize_t peek(char* buffer, std::size_t size) {
        return ssl_ ? checked(SSL_peek(ssl_, buffer, static_cast<int>(size)))
                    : checked_plain(recv(fd_, buffer, size, MSG_PEEK));
    }

    // What was peeked.
    void take(char* buffer, std::size_t size) {
        const auto got =
            ssl_ ? SSL_read(ssl_, buffer, static_cast<int>(size)) : recv(fd_, buffer, size, 0);
        if (got != static_cast<ssize_t>(size)) stop("what was peeked could not be read");
    }

    // Throws up to `size` bytes away, in the kernel where they are plain (MSG_TRUNC: TCP drops them
    // uncopied). 0: the server closed.
    ssize_t drop(std::uint64_t size) {
        if (!ssl_) return checked_plain(recv(fd_, nullptr, size, MSG_TRUNC));
        static char bin[64 * 1024];
        return checked(SSL_read(ssl_, bin, static_cast<int>(std::min(size, sizeof bin))));
    }

    // OpenSSL has read more from the socket than it gave: epoll would not tell.
    bool holds_more() const { return ssl_ && !starved_ && SSL_has_pending(ssl_); }

  private:
    ssize_t checked(int got) {
        starved_ = got <= 0;  // what it holds then is a part of a record
        if (got > 0) return got;
        switch (SSL_get_error(ssl_, got)) {
            case SSL_ERROR_WANT_READ: return would_block;
            case SSL_ERROR_ZERO_RETURN: return 0;
            default: stop("the TLS connection broke");
        }
    }

    static ssize_t checked_plain(ssize_t got) {
        if (got < 0 && errno == EAGAIN) return would_block;
        if (got < 0) stop(std::string("a connection broke: ") + std::strerror(errno));
        return got;
    }

    int fd_ = -1;
    SSL* ssl_ = nullptr;
    bool starved_ = false;
};

}  // namespace bench
