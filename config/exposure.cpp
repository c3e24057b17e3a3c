#include "config/exposure.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "common/network.hpp"

namespace hubkeep {
namespace {

std::string who_is_let_in(const ClientsSettings& clients) {
    if (lets_everybody_in(clients)) return "every client that reaches this address";
    if (clients.anonymous.empty()) return "every client with a key, certificate or name";
    return fmt::format("every client with a key, certificate or name, and all from {},",
                       fmt::join(clients.anonymous, ", "));
}

std::string by_sharing(const Settings& settings) {
    switch (settings.access.sharing) {
        case Sharing::shared: return who_is_let_in(settings.clients) + " may read what they open";
        case Sharing::verify:
            return "what they open is read by clients that prove access with a Hub token of their "
                   "own";
        case Sharing::deny: return "nobody may read what is not public";
    }
    return "";
}

}  // namespace

bool lets_everybody_in(const ClientsSettings& clients) {
    const auto is_everything = [](const std::string& text) {
        const auto network = Network::parse(text);
        return network && network->is_everything();
    };
    return std::ranges::any_of(clients.anonymous, is_everything);
}

bool is_loopback(const std::string& host) {
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(host, ec);
    return host == "localhost" || (!ec && address.is_loopback());
}

bool is_exposed(const Settings& settings, bool has_token) {
    return has_token && settings.access.sharing == Sharing::shared &&
           lets_everybody_in(settings.clients) && !is_loopback(settings.listen.host);
}

std::string who_may_read(const Settings& settings, bool has_token) {
    if (!has_token) return "clients' own tokens are passed to the Hub";
    const auto rules = settings.access.rules.size();
    return by_sharing(settings) +
           (rules == 0 ? "" : fmt::format(", unless one of {} access.rules says otherwise", rules));
}

}  // namespace hubkeep
