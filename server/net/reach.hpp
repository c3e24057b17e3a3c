#pragma once
// Reach: how far inside an address lies, and so who may lead hubkeep to it. An address from the
// settings may be anything. One that another server's answer named (a redirect) may lie no further
// inside than that server does, so a Hub of the internet does not open the operator's own network,
// and at link-local addresses (the metadata services of clouds) nobody has business. Pure; any
// thread.

#include <optional>
#include <string_view>

#include "server/net/lookup.hpp"

namespace hubkeep {

enum class Reach {
    world,    // the internet
    network,  // RFC 1918, RFC 6598, RFC 4193
    machine,  // loopback
};

// Nothing for an address that no server has: unspecified, link-local, multicast, broadcast.
std::optional<Reach> reach_of(const asio::ip::address& address);
// The one furthest inside; `world` when there are none.
Reach reach_of(const Endpoints& endpoints);
// What can be told from a host alone, when somebody else looks up names.
std::optional<Reach> reach_of_host(std::string_view host);

// Those that lie no further inside.
Endpoints within(const Endpoints& endpoints, Reach reach);

}  // namespace hubkeep
