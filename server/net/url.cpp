#include <boost/asio/ip/address_v4.hpp>
#include <cctype>

#include "common/byte_range.hpp"
#include "server/net/dial.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_url = 16 * 1024;

std::uint16_t default_port(bool tls) {
    return tls ? 443 : 80;
}

bool is_host_byte(char c, bool v6) {
    if (std::isxdigit(static_cast<unsigned char>(c))) return true;
    if (v6) return c == ':' || c == '.';
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_';
}

// Resolvers take "127.1", "0x7f.1" and "2130706433" for addresses, and their readings differ; what
// ends like a number is an address of four decimal parts or nothing (URL standard, "ends in a
// number").
bool is_odd_number(std::string_view host) {
    const auto name = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
    const auto last = name.substr(name.rfind('.') + 1);
    const bool is_number =
        !last.empty() && (last.find_first_not_of("0123456789") == std::string_view::npos ||
                          last.starts_with("0x") || last.starts_with("0X"));
    error_code ec;
    if (is_number) asio::ip::make_address_v4(std::string(host), ec);
    return ec.failed();
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::unexpected<Error> refuse(std::string_view why) {
    // The URL is not repeated: a signed one is a secret.
    return fail(ErrorKind::invalid, "not a usable URL: " + std::string(why));
}

// Takes the scheme off the front of the text.
bool take_scheme(std::string_view& text, bool& tls) {
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) return false;
    const std::string scheme = lower(text.substr(0, colon));
    if (scheme != "http" && scheme != "https") return false;
    tls = scheme == "https";
    text.remove_prefix(colon + 3);
    return true;
}

Result<Origin> parse_authority(std::string_view text, bool tls) {
    Origin origin{.tls = tls, .host = {}, .port = default_port(tls)};
    if (text.find('@') != std::string_view::npos) return refuse("it contains user information");
    const bool v6 = text.starts_with('[');
    const auto host_end = v6 ? text.find(']') : std::min(text.find(':'), text.size());
    if (host_end == std::string_view::npos) return refuse("the address is not closed by ]");
    const auto host = text.substr(v6 ? 1 : 0, host_end - (v6 ? 1 : 0));
    if (host.empty() || host.size() > 255) return refuse("the host is missing or too long");
    for (const char c : host) {
        if (!is_host_byte(c, v6)) return refuse("the host has a character that hosts cannot have");
    }
    if (!v6 && is_odd_number(host)) return refuse("the host is a number but no IPv4 address");
    origin.host = lower(host);
    auto port = text.substr(host_end + (v6 ? 1 : 0));
    if (port.empty()) return origin;
    if (!port.starts_with(':')) return refuse("there is something behind the host");
    port.remove_prefix(1);
    const auto number = parse_u64(port);
    if (!number || *number == 0 || *number > 65535) return refuse("the port is not 1 to 65535");
    origin.port = static_cast<std::uint16_t>(*number);
    return origin;
}

}  // namespace

std::string Origin::authority() const {
    const bool v6 = host.find(':') != std::string::npos;
    std::string out = v6 ? "[" + host + "]" : host;
    if (port != default_port(tls)) out += ":" + std::to_string(port);
    return out;
}

std::string Origin::url() const {
    return (tls ? "https://" : "http://") + authority();
}

Result<Url> parse_url(std::string_view text) {
    if (text.size() > max_url) return refuse("it is longer than 16 KiB");
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= ' ' || byte >= 0x7F || c == '\\' || c == '#') {
            return refuse("it has a space, a fragment or a byte that must be percent-encoded");
        }
    }
    bool tls = false;
    if (!take_scheme(text, tls)) return refuse("it does not begin with http:// or https://");
    const auto end = std::min(text.find_first_of("/?"), text.size());
    auto origin = parse_authority(text.substr(0, end), tls);
    if (!origin) return std::unexpected(origin.error());
    std::string target(text.substr(end));
    if (!target.starts_with('/')) target.insert(0, 1, '/');
    return Url{std::move(*origin), std::move(target)};
}

Result<Url> parse_url_from(const Origin& base, std::string_view location) {
    if (location.starts_with("/") && !location.starts_with("//")) {
        return Url{base, std::string(location)};
    }
    return parse_url(location);
}

}  // namespace hubkeep
