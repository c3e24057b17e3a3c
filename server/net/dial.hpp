#pragma once
// dial(): a connected (and for https, TLS-verified) stream to an origin. Addresses are tried in
// order, each attempt within the connect timeout as a whole. Errors: unreachable, timed_out,
// protocol (certificate refused; the message says why).

#include <memory>
#include <string>

#include "server/net/stream.hpp"

namespace hubkeep {

struct Origin {
    bool tls = false;
    std::string host;  // lower case, IPv6 without brackets
    std::uint16_t port = 80;

    bool operator==(const Origin&) const = default;
    auto operator<=>(const Origin&) const = default;
    std::string url() const;        // "https://host[:port]", no port when it is the scheme's own
    std::string authority() const;  // "host[:port]", as a Host header
};

// "http(s)://host[:port][/path?query]": the origin and the rest, which is "/" when there is none.
// User info, fragments, other schemes and invalid ports are refused.
struct Url {
    Origin origin;
    std::string target = "/";
};
Result<Url> parse_url(std::string_view text);

Task<Result<std::unique_ptr<Stream>>> dial(IoThread& thread, Origin origin,
                                           std::shared_ptr<asio::ssl::context> tls,
                                           SteadyClock::duration timeout);

}  // namespace hubkeep
