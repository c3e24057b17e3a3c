#pragma once
// Whether the operator wants a repo's files to be offered over Xet. A pure function; any thread.

#include "config/settings.hpp"
#include "server/hub/names.hpp"

namespace hubkeep {

// The first of `xet_rules` that matches the repo counts before `xet`. As in the rules for
// revisions, `repo` has its canonical name where that is known.
bool serves_xet(const Settings& settings, const RepoId& repo);

}  // namespace hubkeep
