#pragma once
// dial(): a connected (and for https, TLS-verified) stream to an origin: its addresses raced
// (connect.hpp), or through a proxy (egress.hpp), a known TLS session resumed, all of it within the
// time given. Errors: unreachable, timed_out, denied (by a proxy), protocol (certificate refused,
// or led to where nobody may lead us; the message says why).

#include <memory>
#include <optional>
#include <string>
#include <vector>

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

    bool operator==(const Url&) const = default;
};
Result<Url> parse_url(std::string_view text);
// RFC 3986 section 5.2 for the two forms of a Location that occur: absolute, and starting with a
// slash.
Result<Url> parse_url_from(const Origin& base, std::string_view location);

class NameCache;
class TlsSessions;
struct EgressProxy;

// What dials have in common. All but `tls` may be null: names are then looked up each time, no
// session is resumed, and no proxy is in between.
struct DialSettings {
    std::shared_ptr<asio::ssl::context> tls;
    std::shared_ptr<NameCache> names;
    std::shared_ptr<TlsSessions> sessions;  // of this io thread
    std::shared_ptr<const EgressProxy> proxy;
    std::vector<std::uint16_t> own_ports;  // where this process itself listens
};

// `led_by` is the origin from the settings whose answer named this one, nothing when the settings
// name it themselves: see reach.hpp. Nobody leads us to ourselves.
Task<Result<std::unique_ptr<Stream>>> dial(IoThread& thread, Origin origin, DialSettings settings,
                                           SteadyClock::duration timeout,
                                           std::optional<Origin> led_by = {});

}  // namespace hubkeep
