#include "server/proxy/patterns.hpp"

#include <algorithm>

#include "common/glob.hpp"

namespace hubkeep {

bool repo_matches(std::span<const std::string> globs, const RepoId& repo) {
    if (globs.empty()) return true;
    const auto address = path_of(repo);
    return std::ranges::any_of(globs, [&](const std::string& glob) {
        return glob_matches_any_case(glob, repo.name) || glob_matches_any_case(glob, address);
    });
}

bool address_matches(std::string_view glob, const RepoId& repo) {
    return glob_matches_any_case(glob, path_of(repo));
}

bool any_glob_matches(std::span<const std::string> globs, std::string_view text) {
    return std::ranges::any_of(globs,
                               [&](const std::string& glob) { return glob_matches(glob, text); });
}

}  // namespace hubkeep
