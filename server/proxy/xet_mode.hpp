#pragma once
// Whether the operator wants files to be offered over Xet. Pure functions; any thread.

#include "config/settings.hpp"
#include "server/hub/route.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

// The first of `xet_rules` that matches the repo counts before `xet`. As in the rules for
// revisions, `repo` has its canonical name where that is known.
bool serves_xet(const Settings& settings, const RepoId& repo);
bool serves_xet(const Settings& settings, const Scope& scope);
// Whether an answer that is passed on as the Hub gave it may keep its Xet hints. What is about
// many repos may where none is stripped; the rows of a dataset hold none, whatever they look like;
// and of buckets no file is served over Xet.
bool shows_xet(const Settings& settings, const Route& route);

}  // namespace hubkeep
