#pragma once
// TLS contexts. The server's is replaced as a whole on reload; connections keep the one they began
// with. The client's verifies against the system's authorities, or those in a file when one is set.

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "common/result.hpp"
#include "common/task.hpp"

namespace hubkeep {

using TlsContext = std::shared_ptr<asio::ssl::context>;

// TLS 1.2 or newer, HTTP/1.1 by ALPN. With a file of authorities clients are asked for a
// certificate; they need not show one, but one of another authority ends the handshake. Errors name
// the file and what is wrong with it.
Result<TlsContext> make_server_tls(const std::string& certificate_file, const std::string& key_file,
                                   const std::string& client_ca_file = {});
Result<TlsContext> make_client_tls(const std::string& ca_file);

// The server's current context; any thread. Empty for a plain listener.
class ServerTls {
  public:
    TlsContext current() const;
    void replace(TlsContext context);

  private:
    mutable std::mutex mutex_;
    TlsContext context_;
};

}  // namespace hubkeep
