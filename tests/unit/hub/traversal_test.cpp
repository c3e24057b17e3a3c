// The corpus of hostile paths, on every route that takes a path or a name. The same file drives the
// tests that send it over the wire. A line with "%25" is a real file name that only looks like an
// escape: it must be decoded once and no more.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "server/hub/route.hpp"

namespace hubkeep {
namespace {

using Kind = Route::Kind;

constexpr const char* commit = "0123456789abcdef0123456789abcdef01234567";

std::vector<std::string> corpus() {
    const auto file = std::filesystem::path(__FILE__).parent_path() / "../../data/traversal.txt";
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

bool is_odd_name(std::string_view line) { return line.contains("%25"); }

// Nothing in a target that leaves for the Hub can be read as a way up.
void expect_harmless(const Route& route, const std::string& target) {
    if (route.kind == Kind::bad) {
        EXPECT_TRUE(route.status == 400 || route.status == 404 || route.status == 414) << target;
        EXPECT_FALSE(route.error.empty()) << target;
        return;
    }
    EXPECT_TRUE(route.path.empty() || is_valid_path(route.path)) << target;
    EXPECT_TRUE(route.repo.name.empty() || is_valid_repo_name(route.repo.name)) << target;
    EXPECT_TRUE(route.revision.empty() || is_valid_revision(route.revision)) << target;
    for (const auto* way_up : {"/../", "/./", "//", "\\", "%2E", "%5C", "%00", "%0A"}) {
        EXPECT_FALSE(
            (route.encoded_path + '/').substr(0, route.encoded_path.size()).contains(way_up))
            << target;
    }
    EXPECT_FALSE(route.encoded_path.ends_with("/..")) << target;
    EXPECT_EQ(parse_route("GET", route.encoded_path).encoded_path, route.encoded_path) << target;
}

TEST(Traversal, CorpusIsThere) { EXPECT_GE(corpus().size(), 200); }

TEST(Traversal, FilesAreRefused) {
    for (const std::string& prefix :
         {std::string("/o/n/resolve/main/"), std::string("/gpt2/raw/main/"),
          std::string("/datasets/o/n/resolve/refs%2Fpr%2F1/"),
          std::string("/spaces/o/n/blob/main/d/"),
          "/api/resolve-cache/models/o/n/" + std::string(commit) + '/'}) {
        for (const auto& line : corpus()) {
            const auto route = parse_route("GET", prefix + line);
            expect_harmless(route, prefix + line);
            if (!is_odd_name(line)) {
                EXPECT_EQ(route.kind, Kind::bad) << prefix << line;
            } else {
                EXPECT_NE(route.kind, Kind::bad) << prefix << line << ": " << route.error;
            }
        }
    }
}

TEST(Traversal, EveryOtherPlaceIsHarmless) {
    for (const std::string& prefix :
         {"/", "/-/", "/api/", "/v2/", "/buckets/", "/o/", "/datasets/", "/o/n/resolve/",
          "/api/models/", "/api/models/o/", "/api/models/o/n/tree/", "/api/models/o/n/tree/main/",
          "/api/models/o/n/revision/", "/api/models/o/n/commits/", "/api/resolve-cache/",
          "/api/resolve-cache/models/", "/.well-known/", "/o/n.git/info/lfs/"}) {
        for (const auto& line : corpus()) {
            for (const auto* suffix : {"", "/x", "/resolve/main/x"}) {
                const auto target = prefix + line + suffix;
                expect_harmless(parse_route("GET", target), target);
            }
            expect_harmless(parse_route("POST", prefix + line), prefix + line);
        }
    }
}

TEST(Traversal, RevisionsAreRefused) {
    for (const auto& line : corpus()) {
        if (is_odd_name(line) || line.contains('/')) continue;
        for (const auto& target : {"/o/n/resolve/" + line + "/x", "/o/n/raw/" + line + "/x"}) {
            EXPECT_EQ(parse_route("GET", target).kind, Kind::bad) << target;
        }
    }
}

TEST(Traversal, OddButHonestNamesPass) {
    for (const std::string& name : {"..;/x",
                                    "..../x",
                                    ".../x",
                                    "%ef%bc%8e%ef%bc%8e/x",
                                    "%e2%80%a4%e2%80%a4/x",
                                    "..%e2%88%95x",
                                    "~/x",
                                    "~root",
                                    "con",
                                    "nul.txt",
                                    "a.",
                                    "..a",
                                    "a..",
                                    "$HOME",
                                    "a%20",
                                    "%20",
                                    "a:b",
                                    "-rf",
                                    "%3Cscript%3E",
                                    "x%27%20OR%201=1",
                                    "%f0%9f%a4%97",
                                    "{x}",
                                    "a|b",
                                    "%25"}) {
        const auto route = parse_route("GET", "/o/n/resolve/main/" + name);
        EXPECT_EQ(route.kind, Kind::resolve) << name << ": " << route.error;
        expect_harmless(route, name);
    }
}

}  // namespace
}  // namespace hubkeep
