#include "server/hub/targets.hpp"

#include <fmt/format.h>

namespace hubkeep {
namespace {

std::string file_target(const RepoId& repo, std::string_view marker, std::string_view revision,
                        std::string_view path) {
    return fmt::format("/{}{}/{}/{}/{}", url_prefix(repo.kind), repo.name, marker,
                       percent_encode_segment(revision), percent_encode_path(path));
}

// `last` is one token; it and its slash are left out when it is empty.
std::string api_target(const RepoId& repo, std::string_view marker, std::string_view last = {},
                       std::string_view query = {}) {
    std::string target = fmt::format("/api/{}/{}", api_segment(repo.kind), repo.name);
    if (!marker.empty()) target.append("/").append(marker);
    if (!last.empty()) target.append("/").append(percent_encode_segment(last));
    if (!query.empty()) target.append("?").append(query);
    return target;
}

}  // namespace

std::string resolve_target(const RepoId& repo, std::string_view revision, std::string_view path) {
    return file_target(repo, "resolve", revision, path);
}

std::string raw_target(const RepoId& repo, std::string_view revision, std::string_view path) {
    return file_target(repo, "raw", revision, path);
}

std::string repo_info_target(const RepoId& repo, std::string_view revision,
                             std::string_view query) {
    return api_target(repo, revision.empty() ? "" : "revision", revision, query);
}

std::string tree_target(const RepoId& repo, std::string_view revision, std::string_view folder,
                        std::string_view query) {
    std::string target = api_target(repo, "tree", revision);
    if (!folder.empty()) target.append("/").append(percent_encode_segment(folder));
    if (!query.empty()) target.append("?").append(query);
    return target;
}

std::string paths_info_target(const RepoId& repo, std::string_view revision) {
    return api_target(repo, "paths-info", revision);
}

std::string refs_target(const RepoId& repo, std::string_view query) {
    return api_target(repo, "refs", {}, query);
}

std::string commits_target(const RepoId& repo, std::string_view revision, std::string_view query) {
    return api_target(repo, "commits", revision, query);
}

std::string auth_check_target(const RepoId& repo) {
    return api_target(repo, "auth-check");
}

std::string xet_token_target(const RepoId& repo, std::string_view revision) {
    return api_target(repo, "xet-read-token", revision);
}

}  // namespace hubkeep
