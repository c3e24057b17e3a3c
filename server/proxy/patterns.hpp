#pragma once
// Patterns in the operator's rules: which repos, files and clients they speak of. Globs as in
// common/glob.hpp. Pure functions; any thread.

#include <span>
#include <string>
#include <string_view>

#include "server/hub/names.hpp"

namespace hubkeep {

// Over "org/name" of every kind, and over the address at the Hub, such as "datasets/org/name". Case
// does not count, since it does not at the Hub. No globs at all mean every repo.
bool repo_matches(std::span<const std::string> globs, const RepoId& repo);

// Over the address at the Hub alone: "org/name" is a model. Case does not count here either.
bool address_matches(std::string_view glob, const RepoId& repo);

// Bytes are compared as they are. No globs match nothing: what an empty list means is the caller's
// to say.
bool any_glob_matches(std::span<const std::string> globs, std::string_view text);

}  // namespace hubkeep
