#pragma once
// TlsEngine: TLS on a non-blocking socket that OpenSSL itself reads and writes, so that nothing is
// copied in between and an idle connection holds no buffers. One per TLS stream, on its io thread;
// the socket and the context outlive it. No call waits: a step says for what the socket has to be
// ready before the same call is made again. SIGPIPE must be blocked (IoThreads does it): OpenSSL
// writes without MSG_NOSIGNAL.

#include <openssl/ssl.h>

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace hubkeep {

struct Step {
    enum class Kind { done, needs_input, needs_room, ended, failed };
    Kind kind = Kind::done;
    std::size_t bytes = 0;            // that moved, whatever the kind
    boost::system::error_code error;  // of `failed`

    bool waits() const { return kind == Kind::needs_input || kind == Kind::needs_room; }
};

// How the bytes of a file get to a peer.
enum class FileWay {
    sendfile,       // sendfile(2): nothing is encrypted
    kernel_tls,     // SSL_sendfile(3): the kernel encrypts
    encrypted_here  // read and encrypted by this process
};
FileWay way_of_files(bool is_tls, bool kernel_encrypts);

class TlsEngine {
  public:
    TlsEngine(SSL_CTX* context, int socket);

    SSL* native() const { return ssl_.get(); }
    // Before the handshake. False for what cannot be a host name. Sends it, and accepts
    // certificates that were issued for it alone (RFC 6125); an address is looked for as such.
    bool expect_host(const std::string& host, bool is_address);

    Step accept();
    Step connect();
    // `ended` at close_notify alone: a bare FIN could come from anybody on the way.
    Step read(std::span<char> buffer);
    // A part of it may go. After needs_room the same bytes have to come first again, and at least
    // as many; where they lie may change.
    Step write(std::span<const char> data);
    // With FileWay::kernel_tls only; `ended` when the file is shorter than it should be.
    Step send_file(int file, std::uint64_t offset, std::size_t size);
    // Sends close_notify, once the handshake is over and nothing has failed.
    Step say_goodbye();

    // Whether the kernel encrypts what is sent, known after the handshake (SSL_OP_ENABLE_KTLS).
    bool kernel_encrypts() const;
    // Whether something was received that nobody has read yet.
    bool has_input() const { return SSL_has_pending(ssl_.get()) == 1; }

  private:
    struct Free {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };
    Step handshake(int (*go_on)(SSL*));
    Step outcome(int result, std::size_t bytes);
    std::unique_ptr<SSL, Free> ssl_;
    bool ready_ = false;  // for data, and for a goodbye
};

}  // namespace hubkeep
