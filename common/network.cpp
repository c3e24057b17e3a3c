#include "common/network.hpp"

#include <algorithm>

#include "common/byte_range.hpp"

namespace hubkeep {
namespace {

namespace ip = boost::asio::ip;

template <typename Bytes>
bool begin_alike(const Bytes& a, const Bytes& b, unsigned bits) {
    const std::size_t whole = bits / 8;
    if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
    const unsigned rest = bits % 8;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

}  // namespace

ip::address plain_address(const ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

Result<Network> Network::parse(std::string_view text) {
    const auto refuse = [&] {
        return fail(ErrorKind::invalid,
                    "is not a network such as 10.0.0.0/8 or fd00::/8, nor an address");
    };
    const auto slash = text.find('/');
    boost::system::error_code ec;
    Network network;
    network.address_ = plain_address(ip::make_address(std::string(text.substr(0, slash)), ec));
    if (ec) return refuse();
    const unsigned bits = network.address_.is_v4() ? 32 : 128;
    network.prefix_ = bits;
    if (slash == std::string_view::npos) return network;
    const auto prefix = parse_u64(text.substr(slash + 1));
    if (!prefix || *prefix > bits) return refuse();
    network.prefix_ = static_cast<unsigned>(*prefix);
    return network;
}

bool Network::contains(const ip::address& asked) const {
    const auto address = plain_address(asked);
    if (address.is_v4() != address_.is_v4()) return false;
    if (address.is_v4()) {
        return begin_alike(address.to_v4().to_bytes(), address_.to_v4().to_bytes(), prefix_);
    }
    return begin_alike(address.to_v6().to_bytes(), address_.to_v6().to_bytes(), prefix_);
}

Result<Networks> Networks::parse(std::span<const std::string> texts) {
    Networks networks;
    for (const auto& text : texts) {
        const auto network = Network::parse(text);
        if (!network) return fail(ErrorKind::invalid, text + " " + network.error().message);
        networks.networks_.push_back(*network);
    }
    return networks;
}

bool Networks::contain(const ip::address& address) const {
    return std::ranges::any_of(networks_,
                               [&](const Network& network) { return network.contains(address); });
}

bool Networks::hold_everything() const {
    bool v4 = false;
    bool v6 = false;
    for (const auto& network : networks_) {
        if (network.is_everything()) (network.is_v4() ? v4 : v6) = true;
    }
    return v4 && v6;
}

}  // namespace hubkeep
