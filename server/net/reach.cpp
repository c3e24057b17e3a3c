#include "server/net/reach.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "common/network.hpp"

namespace hubkeep {
namespace {

using asio::ip::address;

constexpr std::array loopback{"127.0.0.0/8", "::1"};
constexpr std::array nobodys{"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3",
                             "::",        "fe80::/10",      "ff00::/8"};
constexpr std::array inside{"10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16",
                            "100.64.0.0/10", "fc00::/7",      "fec0::/10"};
constexpr auto nat64 = "64:ff9b::/96";  // RFC 6052

bool is_in(const address& asked, std::span<const char* const> networks) {
    return std::ranges::any_of(networks, [&](const char* text) {
        const auto network = Network::parse(text);
        return network && network->contains(asked);
    });
}

// What an IPv6 address stands for, when that is an IPv4 one.
address meant(const address& asked) {
    if (!is_in(asked, std::array{nat64})) return plain_address(asked);
    const auto bytes = asked.to_v6().to_bytes();
    return asio::ip::address_v4({bytes[12], bytes[13], bytes[14], bytes[15]});
}

}  // namespace

std::optional<Reach> reach_of(const address& asked) {
    const auto plain = meant(asked);
    if (is_in(plain, loopback)) return Reach::machine;
    if (is_in(plain, nobodys)) return std::nullopt;
    return is_in(plain, inside) ? Reach::network : Reach::world;
}

Reach reach_of(const Endpoints& endpoints) {
    Reach furthest = Reach::world;
    for (const auto& endpoint : endpoints) {
        furthest = std::max(furthest, reach_of(endpoint.address()).value_or(Reach::world));
    }
    return furthest;
}

std::optional<Reach> reach_of_host(std::string_view host) {
    error_code ec;
    const auto literal = asio::ip::make_address(std::string(host), ec);
    if (!ec) return reach_of(literal);
    if (host.ends_with('.')) host.remove_suffix(1);
    const bool is_local = host == "localhost" || host.ends_with(".localhost");
    return is_local ? Reach::machine : Reach::world;
}

Endpoints within(const Endpoints& endpoints, Reach reach) {
    Endpoints kept;
    std::ranges::copy_if(endpoints, std::back_inserter(kept), [&](const auto& endpoint) {
        const auto own = reach_of(endpoint.address());
        return own && *own <= reach;
    });
    return kept;
}

}  // namespace hubkeep
