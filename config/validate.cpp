#include "config/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <optional>
#include <set>

#include "common/file.hpp"
#include "common/network.hpp"
#include "config/exposure.hpp"
#include "config/text.hpp"
#include "config/token.hpp"
#include "config/values.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_pem = 16 * 1024 * 1024;
constexpr unsigned everybody = 07;
constexpr unsigned max_threads = 1024;

struct Site {
    bool tls = false;
    std::string host;  // without brackets
    std::uint16_t port = 0;
};

// What is wrong with "http(s)://host[:port]", or nothing. The text is not repeated: it may hold a
// password.
std::string parse_site(std::string_view text, Site& site) {
    const auto parsed = boost::urls::parse_uri(text);
    const auto scheme = parsed ? parsed->scheme_id() : boost::urls::scheme::unknown;
    site.tls = scheme == boost::urls::scheme::https;
    if (!site.tls && scheme != boost::urls::scheme::http) {
        return "is not a URL such as https://hub.example:8090";
    }
    if (parsed->has_userinfo()) return "must not contain a user or password";
    if (parsed->has_query() || parsed->has_fragment()) return "must not contain ? or #";
    if (!parsed->encoded_path().empty()) return "must end after the host or port, without a path";
    site.host = to_lower(parsed->host_address());
    if (site.host.empty() || parsed->encoded_host().find('%') != std::string_view::npos) {
        return "has no usable host";
    }
    site.port = parsed->has_port() ? parsed->port_number() : (site.tls ? 443 : 80);
    if (site.port == 0) return "has a port that is not 1 to 65535";
    return "";
}

bool is_every_address(const std::string& host) {
    return host.empty() || host == "0.0.0.0" || host == "::";
}

void check_addresses(const Settings& settings, std::vector<Finding>& findings) {
    const auto& data = settings.listen;
    if (!settings.admin.listen.socket_file.empty()) return;
    const auto& admin = settings.admin.listen.tcp;
    const bool same_host =
        data.host == admin.host || is_every_address(data.host) || is_every_address(admin.host);
    if (data.port != 0 && data.port == admin.port && same_host) {
        findings.push_back({{"admin.listen", "listen"},
                            fmt::format("takes the same address as listen, {}; choose another port",
                                        write_value(data))});
    }
}

void check_sites(const Settings& settings, std::vector<Finding>& findings) {
    Site site;
    if (!settings.public_url.empty()) {
        auto wrong = parse_site(settings.public_url, site);
        if (!wrong.empty()) findings.push_back({{"public_url"}, std::move(wrong)});
    }
    if (!settings.upstream.datasets_server.empty()) {
        auto wrong = parse_site(settings.upstream.datasets_server, site);
        if (!wrong.empty()) findings.push_back({{"upstream.datasets_server"}, std::move(wrong)});
    }
    for (const auto& mirror : settings.upstream.mirrors) {
        auto wrong = parse_site(mirror, site);
        if (wrong.empty() && site.port == settings.listen.port && is_loopback(site.host)) {
            wrong = "names hubkeep's own address";
        }
        if (!wrong.empty()) findings.push_back({{"upstream.mirrors"}, std::move(wrong)});
    }
    auto wrong = parse_site(settings.upstream.endpoint, site);
    if (!wrong.empty()) {
        findings.push_back({{"upstream.endpoint"}, std::move(wrong)});
        return;
    }
    const auto& own = settings.listen;
    const bool here =
        is_loopback(site.host) && (is_every_address(own.host) || is_loopback(own.host));
    if (site.port == own.port && (here || site.host == own.host)) {
        findings.push_back({{"upstream.endpoint", "listen"},
                            "is hubkeep's own address; name the Hub that it should ask"});
    }
}

void check_proxy(const Settings& settings, std::vector<Finding>& findings) {
    const auto& text = settings.upstream.proxy;
    if (text.empty()) return;
    constexpr std::string_view socks = "socks5://";
    const bool is_socks = text.starts_with(socks);
    Site site;
    auto wrong = parse_site(is_socks ? "http://" + text.substr(socks.size()) : text, site);
    if (!wrong.empty() || site.tls || text.find(':', text.find("//")) == std::string::npos) {
        findings.push_back({{"upstream.proxy"},
                            "is not http://HOST:PORT or socks5://HOST:PORT; a user and password "
                            "belong in upstream.proxy_auth_file"});
    }
}

void check_timeouts(const Settings& settings, std::vector<Finding>& findings) {
    constexpr auto why = "cannot be 0: every request to the Hub would fail at once";
    if (settings.upstream.connect_timeout.count() == 0) {
        findings.push_back({{"upstream.connect_timeout"}, why});
    }
    if (settings.upstream.stall_timeout.count() == 0) {
        findings.push_back({{"upstream.stall_timeout"}, why});
    }
}

constexpr unsigned max_connections_per_file = 64;

void check_limits(const Settings& settings, std::vector<Finding>& findings) {
    constexpr auto why = "cannot be 0: every request would be refused";
    if (settings.threads > max_threads) {
        findings.push_back({{"threads"}, fmt::format("cannot be more than {}", max_threads)});
    }
    const auto per_file = settings.upstream.connections_per_file;
    if (per_file == 0 || per_file > max_connections_per_file) {
        findings.push_back({{"upstream.connections_per_file"},
                            fmt::format("must be from 1 to {}", max_connections_per_file)});
    }
    if (settings.limits.connections == 0) findings.push_back({{"limits.connections"}, why});
    if (settings.limits.hub_requests == 0) findings.push_back({{"limits.hub_requests"}, why});
}

void check_tokens(const Settings& settings, std::vector<Finding>& findings) {
    const auto report = [&](std::string message) {
        findings.push_back({{"upstream.tokens"}, std::move(message)});
    };
    std::set<std::string_view> names;
    for (const auto& token : settings.upstream.tokens) {
        if (!is_token_name(token.name)) {
            report(
                fmt::format("has a token with the name {}: a name is 1 to 64 letters, digits, "
                            "dots, dashes and underscores",
                            in_quotes(token.name)));
        } else if (token.name == default_token_name) {
            report("names a token default; that is the one of upstream.token_file");
        } else if (!names.insert(token.name).second) {
            report(fmt::format("has two tokens with the name {}", token.name));
        }
        if (looks_like_token(token.command) || looks_like_token(token.credential)) {
            report("holds a token itself; write it into a file of mode 0600 and name that");
        }
    }
    if (looks_like_token(settings.upstream.token_command)) {
        findings.push_back({{"upstream.token_command"},
                            "is a token, not a command: write it into a file of mode 0600 and "
                            "name that in upstream.token_file"});
    }
}

void check_readable(std::string_view key, const std::string& path, std::vector<Finding>& findings) {
    if (path.empty()) return;
    const auto content = read_small_file(path, max_pem);
    if (!content) findings.push_back({{key}, content.error().message});
    else if (content->empty()) findings.push_back({{key}, path + " is empty"});
}

void check_tls(const Settings& settings, std::vector<Finding>& findings) {
    const auto& tls = settings.tls;
    if (!tls.cert.empty() && tls.key.empty()) {
        findings.push_back({{"tls.cert", "tls.key"}, "needs tls.key beside it"});
    }
    if (tls.cert.empty() && !tls.key.empty()) {
        findings.push_back({{"tls.key", "tls.cert"}, "needs tls.cert beside it"});
    }
    check_readable("tls.cert", tls.cert, findings);
    check_readable("tls.key", tls.key, findings);
    if (tls.cert.empty() && !tls.client_ca.empty()) {
        findings.push_back({{"tls.client_ca", "tls.cert"}, "needs tls.cert beside it"});
    }
    check_readable("tls.client_ca", tls.client_ca, findings);
    check_readable("upstream.ca_file", settings.upstream.ca_file, findings);
}

void check_networks(std::string_view key, const std::vector<std::string>& networks,
                    std::vector<Finding>& findings) {
    for (const auto& text : networks) {
        const auto network = Network::parse(text);
        if (!network) {
            findings.push_back(
                {{key}, fmt::format("{} {}", in_quotes(text), network.error().message)});
        }
    }
}

// RFC 9110 section 5.6.2.
bool is_field_name(std::string_view text) {
    const auto is_part = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("!#$%&'*+-.^_`|~").contains(c);
    };
    return std::ranges::all_of(text, is_part);
}

void check_clients(const Settings& settings, std::vector<Finding>& findings) {
    const auto& clients = settings.clients;
    check_networks("clients.anonymous", clients.anonymous, findings);
    check_networks("clients.proxies", clients.proxies, findings);
    if (!is_field_name(clients.header)) {
        findings.push_back({{"clients.header"}, "is not the name of a header field"});
    }
    if (!clients.header.empty() && clients.proxies.empty()) {
        findings.push_back({{"clients.header", "clients.proxies"},
                            "needs clients.proxies beside it: whose word is to be believed"});
    }
}

}  // namespace

std::vector<Finding> find_problems(const Settings& settings) {
    std::vector<Finding> findings;
    check_addresses(settings, findings);
    check_sites(settings, findings);
    check_timeouts(settings, findings);
    check_proxy(settings, findings);
    check_limits(settings, findings);
    check_tls(settings, findings);
    check_tokens(settings, findings);
    check_clients(settings, findings);
    if (settings.data_dir.empty()) {
        findings.push_back({{"data_dir"}, "is not set and there is no HOME to put it in; set it"});
    }
    return findings;
}

std::vector<Finding> find_risks(const Settings& settings, bool has_token) {
    std::vector<Finding> findings;
    Site site;
    const bool parsed = parse_site(settings.upstream.endpoint, site).empty();
    if (parsed && has_token && !site.tls && !is_loopback(site.host)) {
        findings.push_back({{"upstream.endpoint"},
                            "is plain http: the token crosses the network readable by others"});
    }
    const auto& admin = settings.admin.listen;
    if (admin.socket_file.empty() && !is_loopback(admin.tcp.host)) {
        findings.push_back({{"admin.listen"},
                            "can be reached from other machines, and is plain http: its token "
                            "crosses the network readable by others"});
    }
    const auto proxies = Networks::parse(settings.clients.proxies);
    if (!settings.clients.header.empty() && proxies && proxies->hold_everything()) {
        findings.push_back({{"clients.proxies"},
                            "holds every address: anybody can name himself as he likes in "
                            "clients.header"});
    }
    if (is_exposed(settings, has_token)) {
        findings.push_back({{"listen", "access.sharing", "clients.anonymous"},
                            "can be reached from other machines, and whoever does may read all "
                            "that the service tokens open, without a key: see access.sharing and "
                            "clients.anonymous"});
    }
    if (!settings.tls.key.empty()) {
        const auto mode = permissions_of(settings.tls.key);
        if (mode && (*mode & everybody) != 0) {
            findings.push_back({{"tls.key"},
                                fmt::format("{0} is open to every user of this "
                                            "machine: chmod 600 {0}",
                                            settings.tls.key)});
        }
    }
    return findings;
}

}  // namespace hubkeep
