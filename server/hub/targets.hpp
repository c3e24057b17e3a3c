#pragma once
// Targets of the Hub, built from checked names: what hubkeep asks upstream, and what its own
// answers point at. One spelling for each resource, that of huggingface_hub: revisions and folders
// are one token with %2F, paths of files keep their slashes. `query` is appended when it is not
// empty.

#include <string>
#include <string_view>

#include "server/hub/names.hpp"

namespace hubkeep {

// "/org/name/resolve/<revision>/<path>"
std::string resolve_target(const RepoId& repo, std::string_view revision, std::string_view path);
std::string raw_target(const RepoId& repo, std::string_view revision, std::string_view path);
// "/api/models/org/name", or with "/revision/<revision>" when that is not empty
std::string repo_info_target(const RepoId& repo, std::string_view revision,
                             std::string_view query = {});
// `folder` is "" for the root.
std::string tree_target(const RepoId& repo, std::string_view revision, std::string_view folder,
                        std::string_view query = {});
std::string paths_info_target(const RepoId& repo, std::string_view revision);
std::string refs_target(const RepoId& repo, std::string_view query = {});
std::string commits_target(const RepoId& repo, std::string_view revision,
                           std::string_view query = {});
std::string auth_check_target(const RepoId& repo);
std::string xet_token_target(const RepoId& repo, std::string_view revision);

}  // namespace hubkeep
