#pragma once
// TlsSessions: sessions to resume, so that a new connection to a server we know costs one round
// trip and no certificate (RFC 8446 section 2.2). One per Client, on its io thread. Kept per
// scheme, host and port: never shared between servers. TLS 1.3 tickets come after the handshake,
// with the first bytes that are read, and each is used once; a TLS 1.2 session is used until it
// ends.

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace hubkeep {

struct FreeTlsSession {
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using TlsSession = std::unique_ptr<SSL_SESSION, FreeTlsSession>;

class TlsSessions {
  public:
    // The newest, null when there is none that may be resumed.
    TlsSession take(const std::string& server);
    void keep(const std::string& server, TlsSession session);
    std::size_t size(const std::string& server) const;

  private:
    std::map<std::string, std::vector<TlsSession>> sessions_;  // newest last; no empty lists
};

// Where the sessions of one connection go. Outlives its SSL.
struct TlsSessionSink {
    std::shared_ptr<TlsSessions> sessions;
    std::string server;
};

// Makes connections of this context hand in their sessions.
void collect_sessions(SSL_CTX* context);
void set_sink(SSL* ssl, TlsSessionSink* sink);

}  // namespace hubkeep
