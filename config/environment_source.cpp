#include <fmt/format.h>

#include <algorithm>

#include "config/schema.hpp"
#include "config/sources.hpp"
#include "config/text.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view prefix = "HUBKEEP_";

// Kubernetes describes every service to every container: HUBKEEP_SERVICE_HOST, HUBKEEP_PORT and
// HUBKEEP_PORT_8090_TCP_ADDR for one named hubkeep, HUBKEEP_WEB_PORT=tcp://... for hubkeep-web.
bool is_service_link(std::string_view rest, std::string_view value) {
    if (rest.starts_with("PORT") || rest.starts_with("SERVICE_")) return true;
    if (rest.contains("_SERVICE_HOST") || rest.contains("_SERVICE_PORT")) return true;
    for (const std::string_view protocol : {"TCP", "UDP", "SCTP"}) {
        const auto scheme = to_lower(protocol) + "://";
        if (rest.contains("_PORT") && value.starts_with(scheme)) return true;
        if (rest.contains("_PORT_") && rest.contains("_" + std::string(protocol))) return true;
    }
    return false;
}

std::string unknown_variable(std::string_view rest) {
    std::vector<std::string> names{"CONFIG"};
    for (const auto& setting : schema()) names.push_back(setting.variable().substr(prefix.size()));
    const auto meant = nearest(rest, names);
    const auto hint = meant.empty() ? "" : fmt::format(" (did you mean {}{}?)", prefix, meant);
    return fmt::format("{}{}: no setting has this variable{}", prefix, rest, hint);
}

bool is_plain_name(std::string_view name) {
    for (const char c : name) {
        if (c <= ' ' || c >= 0x7F) return false;
    }
    return true;
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    const auto meant = nearest(word, candidates);
    return meant.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", meant);
}

SettingSource read_environment(const Environment& environment) {
    SettingSource source;
    std::string links;
    for (const auto& [name, value] : environment) {
        if (!name.starts_with(prefix) || name == "HUBKEEP_CONFIG" || value.empty()) continue;
        const auto rest = std::string_view(name).substr(prefix.size());
        const auto has_name = [&](const Setting& setting) { return setting.variable() == name; };
        const auto found = std::ranges::find_if(schema(), has_name);
        if (found != schema().end()) {
            source.given.push_back({std::string(found->key), value, name});
        } else if (is_service_link(rest, value)) {
            if (links.empty()) links = name;
        } else if (!is_plain_name(name)) {
            source.problems.push_back(in_quotes(name) + ": no setting has this variable");
        } else {
            source.problems.push_back(unknown_variable(rest));
        }
    }
    if (!links.empty()) {
        source.notices.push_back(
            links +
            " and its likes are ignored: Kubernetes sets them for a service of this name "
            "(enableServiceLinks: false stops that); the port is set with HUBKEEP_LISTEN");
    }
    return source;
}

}  // namespace hubkeep
