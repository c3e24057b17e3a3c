#pragma once
// The name in a certificate that a TLS peer has shown and that was verified. Pure but for OpenSSL's
// objects; on the thread of the connection.

#include <openssl/types.h>

#include <string>

namespace hubkeep {

// The common name, else the first alternative name that is an e-mail address, a host or a URI; ""
// without a verified certificate. UTF-8, unless the certificate lies; any bytes may be in it.
std::string peer_name(const SSL* ssl);

}  // namespace hubkeep
