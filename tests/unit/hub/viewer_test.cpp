#include "server/hub/viewer.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

std::optional<std::vector<std::string>> datasets(std::string_view target) {
    const auto found = datasets_of_viewer(parse_route("GET", target));
    if (!found) return std::nullopt;
    std::vector<std::string> names;
    for (const auto& dataset : *found) names.push_back(path_of(dataset));
    return names;
}

using Names = std::vector<std::string>;

TEST(Viewer, TellsWhichDatasetsAreMeant) {
    EXPECT_EQ(datasets("/-/datasets-server/rows?dataset=org/name&config=x"),
              Names{"datasets/org/name"});
    EXPECT_EQ(datasets("/-/datasets-server/rows?config=x&d%61taset=org%2Fname"),
              Names{"datasets/org/name"});
    EXPECT_EQ(datasets("/-/datasets-server/rows?dataset=squad&dataset=org/name"),
              (Names{"datasets/squad", "datasets/org/name"}));
    EXPECT_EQ(
        datasets("/-/datasets-server/cached-assets/org/name/--/0123/--/default/train/0/a.jpg"),
        Names{"datasets/org/name"});
    EXPECT_EQ(datasets("/-/datasets-server/assets/org%2Fname/--/0123/a.jpg?dataset=squad"),
              (Names{"datasets/squad", "datasets/org/name"}));
    EXPECT_EQ(datasets("/-/datasets-server/healthcheck"), Names{});
}

TEST(Viewer, RefusesWhatNamesNoDataset) {
    for (const auto* const query : {"dataset=", "dataset=a/b/c", "dataset=org/name%00",
                                    "dataset=org/name%20", "dataset=org/name&dataset=../x"}) {
        EXPECT_EQ(datasets(std::string("/-/datasets-server/rows?") + query), std::nullopt) << query;
    }
    EXPECT_EQ(datasets("/-/datasets-server/assets/a/b/c/d"), std::nullopt);
}

}  // namespace
}  // namespace hubkeep
