#pragma once
// Egress: the way out through a proxy, when the operator has set one: HTTP CONNECT (RFC 9110
// section 9.3.6) or SOCKS5 (RFC 1928, names are resolved by the proxy; user and password by RFC
// 1929). All targets are tunnelled, http and https alike, so the proxy sees neither the token nor
// the files of an https Hub. EgressProxy is constant; open_tunnel() works on the io thread of the
// socket.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/secret.hpp"
#include "server/net/dial.hpp"

namespace hubkeep {

struct EgressProxy {
    enum class Kind { connect, socks5 };
    Kind kind = Kind::connect;
    std::string host;  // lower case, IPv6 without brackets
    std::uint16_t port = 0;
    Secret login;                       // "user:password", empty for none
    std::vector<std::string> no_proxy;  // hosts, ".suffix" and networks as 10.0.0.0/8

    bool is_used_for(std::string_view target_host) const;
    std::string address() const;  // "host:port", for messages
};

// "http://host:port" or "socks5://host:port".
Result<EgressProxy> parse_egress_proxy(std::string_view text);

// Asks the proxy behind `socket` for a tunnel; the socket then speaks with the target. Errors name
// the proxy and what it said: unreachable, denied, protocol, timed_out, closed.
Task<Result<Socket>> open_tunnel(Socket socket, const EgressProxy& proxy, const Origin& target,
                                 TimePoint deadline);

}  // namespace hubkeep
