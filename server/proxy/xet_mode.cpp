#include "server/proxy/xet_mode.hpp"

#include <algorithm>

#include "server/proxy/patterns.hpp"

namespace hubkeep {

bool serves_xet(const Settings& settings, const RepoId& repo) {
    const auto rule = std::ranges::find_if(settings.xet_rules, [&](const XetRule& candidate) {
        return address_matches(candidate.repos, repo);
    });
    const auto mode = rule != settings.xet_rules.end() ? rule->mode : settings.xet;
    return mode == XetMode::serve;
}

}  // namespace hubkeep
