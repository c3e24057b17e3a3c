#include "server/proxy/policy.hpp"

#include <algorithm>

#include "common/glob.hpp"
#include "server/proxy/patterns.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view team_prefix = "team:";
constexpr std::string_view nobody = "anonymous";

// What both kinds of rules have in common.
template <typename Rule>
bool is_about(const Rule& rule, const Asked& asked, const Visitor& visitor) {
    const bool kind = rule.kinds.empty() ||
                      std::ranges::find(rule.kinds, name_of(asked.repo.kind)) != rule.kinds.end();
    const bool repo =
        repo_matches(rule.repos, asked.repo) || repo_matches(rule.repos, asked.canonical);
    return kind && repo && (rule.clients.empty() || client_matches(rule.clients, visitor));
}

bool files_match(const PolicyRule& rule, const Asked& asked) {
    if (rule.files.empty()) return true;
    if (!asked.path) return rule.action == PolicyAction::allow;
    return any_glob_matches(rule.files, *asked.path);
}

bool revisions_match(const PolicyRule& rule, const Asked& asked) {
    if (rule.revisions.empty()) return true;
    const auto matches = [&](const std::string& name) {
        return any_glob_matches(rule.revisions, name);
    };
    if (rule.action == PolicyAction::allow) {
        return !asked.path || std::ranges::any_of(asked.revisions, matches);
    }
    return !asked.revisions.empty() && std::ranges::all_of(asked.revisions, matches);
}

}  // namespace

bool client_matches(const std::vector<std::string>& patterns, const Visitor& visitor) {
    const auto matches = [&](const std::string& pattern) {
        if (pattern == nobody) return visitor.name.empty();
        if (pattern.starts_with(team_prefix)) {
            const auto team = std::string_view(pattern).substr(team_prefix.size());
            return !visitor.team.empty() && glob_matches(team, visitor.team);
        }
        return !visitor.name.empty() && glob_matches(pattern, visitor.name);
    };
    return std::ranges::any_of(patterns, matches);
}

Ruling ruling_of(const PolicySettings& policy, const Asked& asked, const Visitor& visitor) {
    for (const auto& rule : policy.rules) {
        const bool matches = is_about(rule, asked, visitor) && files_match(rule, asked) &&
                             revisions_match(rule, asked);
        if (matches) return {rule.action == PolicyAction::deny, rule.name, rule.message};
    }
    return {};
}

SharingRuling sharing_of(const AccessSettings& access, const Asked& asked, const Visitor& visitor) {
    for (const auto& rule : access.rules) {
        const bool matches =
            is_about(rule, asked, visitor) &&
            (rule.files.empty() || (asked.path && any_glob_matches(rule.files, *asked.path)));
        if (matches) return {rule.sharing, rule.name, rule.message};
    }
    return {access.sharing, {}, {}};
}

}  // namespace hubkeep
