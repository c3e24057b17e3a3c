#include "server/proxy/host_gate.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "server/net/dial.hpp"
#include "server/proxy/answers.hpp"

namespace hubkeep {
namespace {

constexpr int misdirected = 421;

bool is_probe(const RequestHead& request) {
    const auto path = request.path();
    return (path == "/-/livez" || path == "/-/readyz") &&
           !is_viewer_host(request.headers.get("Host"));
}

Task<void> refuse_name(Exchange& exchange) {
    const auto& request = exchange.request();
    HubError error{.status = misdirected, .code = "", .message = ""};
    error.message = clean_message(
        fmt::format("hubkeep does not know the name \"{}\" as its own, and a web page could have "
                    "made it up. If clients use it, set public_url to their address.",
                    request.headers.get("Host")));
    co_await send_refusal(exchange, {std::move(error), {}}, request.path().starts_with("/api/"));
}

}  // namespace

OwnHosts own_hosts(const Settings& settings) {
    std::vector<std::string> names;
    std::array<char, 256> machine{};
    if (::gethostname(machine.data(), machine.size() - 1) == 0 && machine[0] != '\0') {
        names.emplace_back(machine.data());
        names.push_back(names.back().substr(0, names.back().find('.')));
    }
    if (const auto url = parse_url(settings.public_url)) names.push_back(url->origin.host);
    return OwnHosts(names);
}

bool needs_host_gate(const Settings& settings) {
    error_code ec;
    const auto address = asio::ip::make_address(settings.listen.host, ec);
    return !ec && address.is_loopback() && settings.clients.proxies.empty();
}

Task<void> HostGate::handle(Exchange& exchange) {
    const auto& request = exchange.request();
    const bool passes = hosts_.contains(request.headers.get("Host")) || is_probe(request);
    return passes ? behind_.handle(exchange) : refuse_name(exchange);
}

}  // namespace hubkeep
