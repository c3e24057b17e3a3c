#include "server/hub/viewer.hpp"

namespace hubkeep {
namespace {

// What stands between the name of the dataset and the rest of an asset's path.
constexpr std::string_view end_of_name = "/--/";

std::optional<std::string> dataset_of_asset(std::string_view path) {
    for (const std::string_view folder : {"/assets/", "/cached-assets/"}) {
        const auto found = path.find(folder);
        if (found == std::string_view::npos) continue;
        path.remove_prefix(found + folder.size());
        return percent_decode(path.substr(0, path.find(end_of_name)));
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::vector<RepoId>> datasets_of_viewer(const Route& route) {
    std::vector<RepoId> datasets;
    for (auto& [name, value] : parse_query(route.query)) {
        if (name == "dataset") datasets.push_back({RepoKind::dataset, std::move(value)});
    }
    if (auto asset = dataset_of_asset(route.encoded_path)) {
        datasets.push_back({RepoKind::dataset, std::move(*asset)});
    }
    for (const auto& dataset : datasets) {
        if (!is_valid_repo_name(dataset.name)) return std::nullopt;
    }
    return datasets;
}

}  // namespace hubkeep
