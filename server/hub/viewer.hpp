#pragma once
// Which datasets a request to the dataset viewer is about: its addresses are its own, but the
// operator's rules are about repos. Pure.

#include <optional>
#include <vector>

#include "server/hub/route.hpp"

namespace hubkeep {

// Each dataset that the query names ("dataset=org/name", it may be there twice) or the path of an
// asset ("/cached-assets/org/name/--/..."). Nothing when one of them can be no dataset's name.
std::optional<std::vector<RepoId>> datasets_of_viewer(const Route& route);

}  // namespace hubkeep
