#pragma once
// Policy: what the operator's rules say about a request. Pure functions on values; any thread. In
// both lists the first rule that matches counts. A repo goes by the name that was asked for and by
// the Hub's own, so that an old name leads around no rule.

#include <optional>
#include <string>
#include <vector>

#include "config/access_settings.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/visitor.hpp"

namespace hubkeep {

// What a request is about, as far as rules may look at it.
struct Asked {
    RepoId repo;
    RepoId canonical;
    std::optional<std::string> path;  // of a file; nothing for what describes a repo
    // The branches and tags that are meant: the one that was named, or those that are known to
    // point at the commit that was. Empty when it is about none, or no name is known.
    std::vector<std::string> revisions;
};

struct Ruling {
    bool denied = false;
    std::string rule;  // its name
    std::string message;
};

// A description of a repo is denied only when all of the repo is: a rule about some files or some
// revisions then allows, but does not deny. Of a commit with several names, one that is allowed
// suffices to allow it, and all must be denied to deny it.
Ruling ruling_of(const PolicySettings& policy, const Asked& asked, const Visitor& visitor);

struct SharingRuling {
    Sharing sharing = Sharing::shared;
    std::string rule;
    std::string message;
};

// Rules about files are for files alone.
SharingRuling sharing_of(const AccessSettings& access, const Asked& asked, const Visitor& visitor);

// "ci" or "ci-*", "team:ml", "anonymous".
bool client_matches(const std::vector<std::string>& patterns, const Visitor& visitor);

}  // namespace hubkeep
