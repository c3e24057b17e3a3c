#pragma once
// Networks as operators write them, and whether an address is in one. An IPv4 address that came as
// IPv6 (::ffff:10.0.0.1, RFC 4291 section 2.5.5.2) counts as IPv4. Constant values; any thread.

#include <boost/asio/ip/address.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace hubkeep {

// IPv4 where it was IPv4 before a socket of both kinds took it.
boost::asio::ip::address plain_address(const boost::asio::ip::address& address);

class Network {
  public:
    // "10.0.0.0/8", "fd00::/8", or one address. Bits behind the prefix do not count.
    static Result<Network> parse(std::string_view text);
    bool contains(const boost::asio::ip::address& address) const;
    bool is_everything() const { return prefix_ == 0; }  // of its kind
    bool is_v4() const { return address_.is_v4(); }

  private:
    boost::asio::ip::address address_;
    unsigned prefix_ = 0;
};

class Networks {
  public:
    Networks() = default;
    // The error names the text that is no network.
    static Result<Networks> parse(std::span<const std::string> texts);
    bool contain(const boost::asio::ip::address& address) const;
    // Every address of both kinds is in them, as far as can be seen at a glance.
    bool hold_everything() const;
    bool empty() const { return networks_.empty(); }

  private:
    std::vector<Network> networks_;
};

}  // namespace hubkeep
