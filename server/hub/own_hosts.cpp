#include "server/hub/own_hosts.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "server/hub/fields.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view viewer = "datasets-server.";

// In lower case, without brackets, port and the dot that may end a full name.
std::string name_in(std::string_view host) {
    const auto bracket = host.starts_with('[') ? host.find(']') : host.npos;
    auto name = lower_case(bracket != host.npos ? host.substr(1, bracket - 1)
                                                : host.substr(0, host.find(':')));
    if (name.ends_with('.')) name.pop_back();
    return name;
}

bool is_address(std::string_view name) {
    boost::system::error_code ec;
    boost::asio::ip::make_address(name, ec);
    return !ec;
}

}  // namespace

bool is_viewer_host(std::string_view host) {
    return name_in(host).starts_with(viewer);
}

OwnHosts::OwnHosts(const std::vector<std::string>& names) {
    for (const auto& name : names) names_.push_back(name_in(name));
}

bool OwnHosts::is_own(std::string_view name) const {
    return is_address(name) || name == "localhost" || name.ends_with(".localhost") ||
           std::ranges::find(names_, name) != names_.end();
}

bool OwnHosts::contains(std::string_view host) const {
    if (host.empty()) return true;
    const auto name = name_in(host);
    if (is_own(name)) return true;
    return name.starts_with(viewer) && is_own(std::string_view(name).substr(viewer.size()));
}

}  // namespace hubkeep
