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

bool serves_xet(const Settings& settings, const Scope& scope) {
    return serves_xet(settings,
                      RepoId{kind_of_name(scope.kind).value_or(RepoKind::model), scope.name});
}

bool shows_xet(const Settings& settings, const Route& route) {
    if (route.kind == Route::Kind::viewer) return true;
    if (route.kind == Route::Kind::bucket) return false;
    if (!route.repo.name.empty()) return serves_xet(settings, route.repo);
    const bool all = std::ranges::none_of(
        settings.xet_rules, [](const XetRule& rule) { return rule.mode == XetMode::strip; });
    return all && settings.xet == XetMode::serve;
}

}  // namespace hubkeep
