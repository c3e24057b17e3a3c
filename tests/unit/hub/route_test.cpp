// Every spelling of every target that clients are known to send, and those that nobody should.

#include "server/hub/route.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

using Kind = Route::Kind;

constexpr std::string_view sha = "0123456789abcdef0123456789abcdef01234567";

struct FileCase {
    std::string_view target;
    RepoKind kind;
    std::string_view name, revision, path;
};

TEST(Route, Resolve) {
    const FileCase cases[]{
        {"/gpt2/resolve/main/config.json", RepoKind::model, "gpt2", "main", "config.json"},
        {"/org/name/resolve/main/config.json", RepoKind::model, "org/name", "main", "config.json"},
        {"/datasets/squad/resolve/main/a.py", RepoKind::dataset, "squad", "main", "a.py"},
        {"/datasets/o/n/resolve/main/d/e.py", RepoKind::dataset, "o/n", "main", "d/e.py"},
        {"/spaces/o/n/resolve/v1/app.py", RepoKind::space, "o/n", "v1", "app.py"},
        {"/kernels/o/n/resolve/v1/k.so", RepoKind::kernel, "o/n", "v1", "k.so"},
        {"//datasets/o/n/resolve/main/x", RepoKind::dataset, "o/n", "main", "x"},
        {"////gpt2/resolve/main/x", RepoKind::model, "gpt2", "main", "x"},
        // revisions, with their slash encoded and not
        {"/o/n/resolve/refs%2Fpr%2F1/x", RepoKind::model, "o/n", "refs/pr/1", "x"},
        {"/o/n/resolve/refs%2fpr%2f1/x", RepoKind::model, "o/n", "refs/pr/1", "x"},
        {"/o/n/resolve/refs/pr/1/x", RepoKind::model, "o/n", "refs/pr/1", "x"},
        {"/o/n/resolve/refs/pr/17/d/x", RepoKind::model, "o/n", "refs/pr/17", "d/x"},
        {"/o/n/resolve/refs/convert/parquet/x", RepoKind::model, "o/n", "refs/convert/parquet",
         "x"},
        {"/o/n/resolve/refs/pr/one/x", RepoKind::model, "o/n", "refs", "pr/one/x"},
        {"/o/n/resolve/refs/pr", RepoKind::model, "o/n", "refs", "pr"},
        {"/o/n/resolve/feature%2Fa/x", RepoKind::model, "o/n", "feature/a", "x"},
        {"/o/n/resolve/v1%2B2/x", RepoKind::model, "o/n", "v1+2", "x"},
        // paths, as huggingface_hub, older clients and scripts encode them
        {"/o/n/resolve/main/sub%20dir/we%23ird%2520%2B%C3%B1.txt", RepoKind::model, "o/n", "main",
         "sub dir/we#ird%20+\xc3\xb1.txt"},
        {"/o/n/resolve/main/a+b", RepoKind::model, "o/n", "main", "a+b"},
        {"/o/n/resolve/main/a@b~c", RepoKind::model, "o/n", "main", "a@b~c"},
        {"/o/n/resolve/main/\xc3\xb1.txt", RepoKind::model, "o/n", "main", "\xc3\xb1.txt"},
        {"/o/n/resolve/main/n%CC%83.txt", RepoKind::model, "o/n", "main", "n\xcc\x83.txt"},
        {"/o/n/resolve/main/a%2Fb%2Fc", RepoKind::model, "o/n", "main", "a/b/c"},
        {"/o/n/resolve/main/%252e%252e/x", RepoKind::model, "o/n", "main", "%2e%2e/x"},
        {"/o/n/resolve/main/resolve/main/x", RepoKind::model, "o/n", "main", "resolve/main/x"},
        {"/o/n/resolve/main/%E2%80%AE\"x;y", RepoKind::model, "o/n", "main", "\xe2\x80\xae\"x;y"},
        // the first known word ends the repo
        {"/gpt2/resolve/main/resolve/x", RepoKind::model, "gpt2", "main", "resolve/x"},
        {"/org/resolve/resolve/main/x", RepoKind::model, "org", "resolve", "main/x"},
        {"/org/tree/resolve/main/x", RepoKind::model, "org/tree", "main", "x"},
        {"/resolve/resolve/main/x", RepoKind::model, "resolve", "main", "x"},
        {"/resolve/tree/resolve/main/x", RepoKind::model, "resolve/tree", "main", "x"},
        {"/info/refs/resolve/main/x", RepoKind::model, "info/refs", "main", "x"},
        {"/models/x/resolve/main/y", RepoKind::model, "models/x", "main", "y"},
        {"/o%2Fn/resolve/main/x", RepoKind::model, "o/n", "main", "x"},
    };
    for (const auto& one : cases) {
        const auto route = parse_route("GET", one.target);
        ASSERT_EQ(route.kind, Kind::resolve) << one.target << ": " << route.error;
        EXPECT_EQ(route.repo, (RepoId{one.kind, std::string(one.name)})) << one.target;
        EXPECT_EQ(route.revision, one.revision) << one.target;
        EXPECT_TRUE(route.revision_given);
        EXPECT_EQ(route.path, one.path) << one.target;
        EXPECT_EQ(parse_route("HEAD", one.target).kind, Kind::resolve);
    }
}

TEST(Route, WhatIsBuiltIsReadTheSameWay) {
    const RepoId repos[]{{RepoKind::model, "gpt2"},
                         {RepoKind::dataset, "o/n"},
                         {RepoKind::space, "o/n"},
                         {RepoKind::kernel, "o/n.x"}};
    const std::string_view revisions[]{"main", "refs/pr/1", "a/b", "v1+2", "\xc3\xb1", "100%"};
    const std::string_view paths[]{"x", "a/b c", "%20", "#?&=+", "\xf0\x9f\xa4\x97/\"", "..a/b.."};
    for (const auto& repo : repos) {
        for (const auto revision : revisions) {
            for (const auto path : paths) {
                for (const auto& [kind, target] :
                     {std::pair{Kind::resolve, resolve_target(repo, revision, path)},
                      {Kind::raw, raw_target(repo, revision, path)},
                      {Kind::tree, tree_target(repo, revision, path)}}) {
                    const auto route = parse_route("GET", target);
                    EXPECT_EQ(route.kind, kind) << target;
                    EXPECT_EQ(route.repo, repo) << target;
                    EXPECT_EQ(route.revision, revision) << target;
                    EXPECT_EQ(route.path, path) << target;
                    EXPECT_EQ(route.target(), target);
                }
            }
            const auto info = parse_route("GET", repo_info_target(repo, revision));
            EXPECT_EQ(info.kind, Kind::repo_info);
            EXPECT_EQ(info.revision, revision);
            EXPECT_EQ(parse_route("POST", paths_info_target(repo, revision)).revision, revision);
            EXPECT_EQ(parse_route("GET", commits_target(repo, revision)).revision, revision);
        }
        EXPECT_EQ(parse_route("GET", refs_target(repo)).kind, Kind::refs);
        EXPECT_EQ(parse_route("GET", auth_check_target(repo)).kind, Kind::auth_check);
    }
}

TEST(Route, TargetsAreSpelledAsHuggingfaceHubDoes) {
    const RepoId repo{RepoKind::dataset, "o/n"};
    EXPECT_EQ(resolve_target(repo, "refs/pr/1", "a b/c"),
              "/datasets/o/n/resolve/refs%2Fpr%2F1/a%20b/c");
    EXPECT_EQ(raw_target({RepoKind::model, "gpt2"}, "main", "x"), "/gpt2/raw/main/x");
    EXPECT_EQ(repo_info_target(repo, ""), "/api/datasets/o/n");
    EXPECT_EQ(repo_info_target(repo, "main", "blobs=true"),
              "/api/datasets/o/n/revision/main?blobs=true");
    EXPECT_EQ(tree_target(repo, "main", "", "recursive=true"),
              "/api/datasets/o/n/tree/main?recursive=true");
    EXPECT_EQ(tree_target(repo, "main", "a b/c"), "/api/datasets/o/n/tree/main/a%20b%2Fc");
    EXPECT_EQ(refs_target(repo, "include_prs=1"), "/api/datasets/o/n/refs?include_prs=1");
    EXPECT_EQ(commits_target(repo, "a/b", "p=1"), "/api/datasets/o/n/commits/a%2Fb?p=1");
    EXPECT_EQ(paths_info_target(repo, "main"), "/api/datasets/o/n/paths-info/main");
    EXPECT_EQ(auth_check_target(repo), "/api/datasets/o/n/auth-check");
}

TEST(Route, ResolveCache) {
    const auto base = "/api/resolve-cache/models/o/n/" + std::string(sha);
    for (const std::string& target :
         {base + "/d%2Fconfig.json", base + "/d/config.json",
          base + "/d%2Fconfig.json?%2Fo%2Fn%2Fresolve%2Fmain%2Fconfig.json=&etag=%22" +
              std::string(sha) + "%22"}) {
        const auto route = parse_route("GET", target);
        EXPECT_EQ(route.kind, Kind::resolve_cache) << target;
        EXPECT_EQ(route.repo, (RepoId{RepoKind::model, "o/n"}));
        EXPECT_EQ(route.revision, sha);
        EXPECT_EQ(route.path, "d/config.json");
    }
    const auto one =
        parse_route("HEAD", "/api/resolve-cache/datasets/squad/" + std::string(sha) + "/x");
    EXPECT_EQ(one.repo, (RepoId{RepoKind::dataset, "squad"}));
    for (const auto* target :
         {"/api/resolve-cache", "/api/resolve-cache/models", "/api/resolve-cache/models/o/n/main/x",
          "/api/resolve-cache/files/o/n/0123/x"}) {
        EXPECT_EQ(parse_route("GET", target).status, 404) << target;
    }
    EXPECT_EQ(parse_route("GET", base).kind, Kind::bad);
}

struct ApiCase {
    std::string_view target;
    Kind kind;
    std::string_view name, revision, path;
};

TEST(Route, Api) {
    const ApiCase cases[]{
        {"/api/models/gpt2", Kind::repo_info, "gpt2", "main", ""},
        {"/api/models/gpt2/", Kind::repo_info, "gpt2", "main", ""},
        {"//api/models/o/n", Kind::repo_info, "o/n", "main", ""},
        {"/api/models/o/n/revision/v1", Kind::repo_info, "o/n", "v1", ""},
        {"/api/models/o/n/revision/refs%2Fpr%2F1", Kind::repo_info, "o/n", "refs/pr/1", ""},
        {"/api/models/o/n/revision/a/b", Kind::repo_info, "o/n", "a/b", ""},
        {"/api/models/org/tree", Kind::repo_info, "org/tree", "main", ""},
        {"/api/models/org/resolve", Kind::repo_info, "org/resolve", "main", ""},
        {"/api/models/gpt2/tree/main", Kind::tree, "gpt2", "main", ""},
        {"/api/models/o/n/tree/main/", Kind::tree, "o/n", "main", ""},
        {"/api/models/o/n/tree/main/a%20b%2Fc", Kind::tree, "o/n", "main", "a b/c"},
        {"/api/models/o/n/tree/main/a%20b/c", Kind::tree, "o/n", "main", "a b/c"},
        {"/api/models/o/n/tree/refs/pr/1", Kind::tree, "o/n", "refs/pr/1", ""},
        {"/api/models/o/n/tree/refs/pr/1/d", Kind::tree, "o/n", "refs/pr/1", "d"},
        {"/api/models/o/n/tree/refs%2Fconvert%2Fparquet/d", Kind::tree, "o/n",
         "refs/convert/parquet", "d"},
        {"/api/models/gpt2/tree/main/refs", Kind::tree, "gpt2", "main", "refs"},
        {"/api/models/o/n/refs", Kind::refs, "o/n", "main", ""},
        {"/api/models/gpt2/refs", Kind::refs, "gpt2", "main", ""},
        {"/api/models/o/n/commits/main", Kind::commits, "o/n", "main", ""},
        {"/api/models/o/n/auth-check", Kind::auth_check, "o/n", "main", ""},
        {"/api/models/o/n/auth-check/write", Kind::auth_check, "o/n", "main", "write"},
        {"/api/models/o/n/xet-read-token/main", Kind::xet_token, "o/n", "main", ""},
        {"/api/datasets/o/n/xet-read-token/refs%2Fpr%2F1", Kind::xet_token, "o/n", "refs/pr/1", ""},
        {"/api/models/o/n/xet-read-token", Kind::xet_token, "o/n", "main", ""},
        {"/api/models/o/xet-read-token", Kind::xet_token, "o", "main", ""},
        {"/api/models/gpt2/discussions", Kind::api_other, "gpt2", "", ""},
        {"/api/models/o/n/discussions", Kind::api_other, "o/n", "", ""},
        {"/api/models/o/n/treesize/main", Kind::api_other, "o/n", "", ""},
        {"/api/datasets/squad/parquet/plain/train/0.parquet", Kind::api_other, "squad", "", ""},
        {"/api/spaces/o/n/unheard-of", Kind::api_other, "o/n", "", ""},
        {"/api/models/o/n/jwt", Kind::personal, "o/n", "", ""},
        {"/api/spaces/o/n/secrets", Kind::personal, "o/n", "", ""},
        {"/api/models/gpt2/settings", Kind::personal, "gpt2", "", ""},
        {"/api/settings/billing", Kind::personal, "", "", ""},
        {"/api/notifications", Kind::personal, "", "", ""},
        {"/api/organizations/o/settings", Kind::personal, "", "", ""},
        {"/api/organizations/o/members", Kind::api_other, "", "", ""},
        {"/api/users/somebody/overview", Kind::api_other, "", "", ""},
        {"/api/models", Kind::api_other, "", "", ""},
        {"/api/models-tags-by-type", Kind::api_other, "", "", ""},
        {"/api/whoami-v2", Kind::whoami, "", "", ""},
        {"/api/telemetry/gradio/x", Kind::telemetry, "", "", ""},
        {"/api/agent-harnesses", Kind::agent_harnesses, "", "", ""},
        {"/api/buckets/o/n", Kind::bucket, "", "", ""},
        {"/api", Kind::api_other, "", "", ""},
        {"/.well-known/openapi.json", Kind::api_other, "", "", ""},
    };
    for (const auto& one : cases) {
        const auto route = parse_route("GET", one.target);
        EXPECT_EQ(name_of(route.kind), name_of(one.kind)) << one.target << ": " << route.error;
        EXPECT_EQ(route.repo.name, one.name) << one.target;
        EXPECT_EQ(route.revision, one.revision) << one.target;
        EXPECT_EQ(route.path, one.path) << one.target;
    }
    EXPECT_FALSE(parse_route("GET", "/api/models/gpt2").revision_given);
    EXPECT_TRUE(parse_route("GET", "/api/models/gpt2/revision/main").revision_given);
    EXPECT_EQ(parse_route("GET", "/api/kernels/o/n").repo.kind, RepoKind::kernel);
    EXPECT_EQ(parse_route("GET", "/api/spaces/o/n").repo.kind, RepoKind::space);
}

TEST(Route, Others) {
    const std::pair<std::string_view, Kind> cases[]{
        {"/", Kind::root},
        {"//", Kind::root},
        {"/?x=1", Kind::root},
        {"/robots.txt", Kind::robots},
        {"/favicon.ico", Kind::robots},
        {"/gpt2", Kind::page},
        {"/org/name", Kind::page},
        {"/org/name/tree/main", Kind::page},
        {"/datasets", Kind::page},
        {"/datasets/squad", Kind::page},
        {"/org/name/blob/main/x", Kind::blob_page},
        {"/org/name/raw/main/x", Kind::raw},
        {"/buckets/o/n/resolve/x", Kind::bucket},
        {"/v2/", Kind::oci},
        {"/v2/o/n/manifests/Q4_K_M", Kind::oci},
        {"/org/name/info/refs?service=git-upload-pack", Kind::git},
        {"/org/name.git/info/refs?service=git-upload-pack", Kind::git},
        {"/datasets/squad.git/HEAD", Kind::git},
        {"/org/name/info/refs?service=git-receive-pack", Kind::write},
        {"/api/models/o/n/xet-write-token/main", Kind::write},
        {"/api/models/o/n/xet-write-token", Kind::write},
    };
    for (const auto& [target, kind] : cases) {
        EXPECT_EQ(name_of(parse_route("GET", target).kind), name_of(kind)) << target;
    }
    EXPECT_EQ(parse_route("GET", "/org/name/tree/main").repo.name, "org/name");
    EXPECT_EQ(parse_route("GET", "/datasets/squad").repo, (RepoId{RepoKind::dataset, "squad"}));
    EXPECT_EQ(parse_route("GET", "/pricing").repo.name, "");
    EXPECT_EQ(parse_route("GET", "/-/datasets-server/rows?a=b").kind, Kind::viewer);
    EXPECT_EQ(parse_route("GET", "/-/datasets-server").kind, Kind::viewer);
    EXPECT_EQ(parse_route("POST", "/-/datasets-server/rows").kind, Kind::write);
    EXPECT_EQ(parse_route("GET", "/-/livez").own_path, "livez");
    EXPECT_EQ(parse_route("GET", "/-/a/b").own_path, "a/b");
    EXPECT_EQ(parse_route("GET", "/-").kind, Kind::own);
    EXPECT_EQ(parse_route("GET", "/org/name.git/info/refs").repo.name, "org/name");
    EXPECT_EQ(parse_route("GET", "/v2/").encoded_path, "/v2/");
    EXPECT_EQ(parse_route("GET", "/").encoded_path, "/");
}

TEST(Route, Methods) {
    const std::tuple<std::string_view, std::string_view, Kind, int> cases[]{
        {"POST", "/api/models/o/n/paths-info/refs%2Fpr%2F1", Kind::paths_info, 200},
        {"GET", "/api/models/o/n/paths-info/main", Kind::bad, 405},
        {"POST", "/api/models/o/n/commit/main", Kind::write, 200},
        {"POST", "/api/models/o/n/preupload/main", Kind::write, 200},
        {"POST", "/api/repos/create", Kind::write, 200},
        {"DELETE", "/api/repos/delete", Kind::write, 200},
        {"PUT", "/api/models/o/n/settings", Kind::write, 200},
        {"PATCH", "/o/n/resolve/main/x", Kind::write, 200},
        {"POST", "/o/n/resolve/main/x", Kind::write, 200},
        {"PUT", "/api/models/o/n/paths-info/main", Kind::write, 200},
        {"POST", "/o/n.git/git-upload-pack", Kind::git, 200},
        {"POST", "/o/n.git/git-receive-pack", Kind::write, 200},
        {"POST", "/o/n.git/info/lfs/objects/batch", Kind::git, 200},
        {"POST", "/o/n.git/info/lfs/locks/verify", Kind::write, 200},
        {"HEAD", "/api/telemetry/transformers", Kind::telemetry, 200},
        {"POST", "/api/telemetry/transformers", Kind::telemetry, 200},
        {"POST", "/-/livez", Kind::own, 200},
        {"OPTIONS", "*", Kind::preflight, 200},
        {"OPTIONS", "/o/n/resolve/main/x", Kind::preflight, 200},
        {"CONNECT", "huggingface.co:443", Kind::bad, 405},
        {"TRACE", "/", Kind::bad, 405},
        {"get", "/", Kind::bad, 405},
        {"", "/", Kind::bad, 405},
    };
    for (const auto& [method, target, kind, status] : cases) {
        const auto route = parse_route(method, target);
        EXPECT_EQ(name_of(route.kind), name_of(kind)) << method << ' ' << target;
        EXPECT_EQ(route.status, status) << method << ' ' << target;
    }
}

TEST(Route, RefusedTargets) {
    const std::pair<std::string, int> cases[]{
        {"", 400},
        {"*", 400},
        {"http://evil.example/o/n/resolve/main/x", 400},
        {"evil.example:443", 400},
        {"/o/n/resolve/main/a b", 400},
        {"/o/n/resolve/main/a#b", 400},
        {"/o/n/resolve/main/a\r\nX: y", 400},
        {"/o/n/resolve/main/%zz", 400},
        {"/o/n/resolve/main/%", 400},
        {"/o/n/resolve/main/a//b", 400},
        {"/o//n/resolve/main/b", 400},
        {"/o/n/resolve//b", 400},
        {"/o/n/resolve/main/", 404},
        {"/o/n/resolve/main", 404},
        {"/o/n/resolve", 404},
        {"/o/n/resolve/main/dir/", 404},
        {"/o/n/resolve/refs/pr/1", 404},
        {"/o/n/resolve/main@%7B1%7D/x", 400},
        {"/o/n/resolve/-main/x", 400},
        {"/o/n/resolve/a%20b/x", 400},
        {"/@evil/resolve/main/x", 404},
        {"/datasets%2Fsquad/resolve/main/x", 404},
        {"/datasets/o%2Fn%2Fm/resolve/main/x", 404},
        {"/api/models/datasets/squad", 404},
        {"/api/resolve-cache/models/datasets/squad/" + std::string(sha) + "/x", 404},
        {"/a--b/c/resolve/main/x", 404},
        {"/o/n.git/resolve/main/x", 404},
        {"/api/models/o--p", 404},
        {"/api/models/o/n/tree/main/%2F", 400},
        {"/api/models/o/n/revision/a..b", 400},
        {"/o/n/resolve/main/" + std::string(4097, 'a'), 400},
        {"/o/n/resolve/main/" + std::string(17000, 'a'), 414},
        {"/o/n/resolve/main/" + std::string(3000, 'a') + '/' + std::string(3000, 'b'), 400},
        {"/o/n/resolve/" + std::string(256, 'r') + "/x", 400},
    };
    for (const auto& [target, status] : cases) {
        const auto route = parse_route("GET", target);
        EXPECT_EQ(route.kind, Kind::bad) << target;
        EXPECT_EQ(route.status, status) << target << ": " << route.error;
        EXPECT_FALSE(route.error.empty());
    }
}

TEST(Route, AnApiAddressAboutARepoNamesIt) {
    for (const auto* target :
         {"/api/models/org%2Fname/foo/bar", "/api/models/o%2Fn%2Fx/discussions",
          "/api/datasets/o--p/n/croissant", "/api/spaces/api/n/likers", "/api/models%2Fo%2Fn",
          "/api/models%2Fo/n/refs"}) {
        const auto route = parse_route("GET", target);
        EXPECT_EQ(name_of(route.kind), "bad") << target;
        EXPECT_EQ(route.status, 404) << target;
    }
    EXPECT_EQ(parse_route("GET", "/api/models/o%2Fn/discussions").repo.name, "o/n");
}

TEST(Route, AKnownWordInOtherCaseIsNoAddress) {
    for (const auto* target :
         {"/api/Models/o/n", "/api/MODELS/o/n/tree/main", "/api/Datasets/squad", "/api/sPaces/o/n",
          "/api/Kernels/o/n/refs", "/api/Models", "/api/Whoami-v2", "/api/whoami-V2",
          "/api/Telemetry/x", "/api/Settings/billing", "/api/Notifications",
          "/api/Organizations/o/settings", "/api/Buckets/o/n", "/API/models/o/n", "/Api/whoami-v2",
          "/Datasets/squad/resolve/main/x", "/SPACES/o/n", "/Buckets/o/n"}) {
        const auto route = parse_route("GET", target);
        EXPECT_EQ(name_of(route.kind), "bad") << target;
        EXPECT_EQ(route.status, 404) << target;
    }
    const auto cached = "/api/Resolve-Cache/models/o/n/" + std::string(sha) + "/x";
    EXPECT_EQ(parse_route("GET", cached).status, 404);
    EXPECT_EQ(parse_route("GET", "/api/models/o/n/Secrets").kind, Kind::personal);
    EXPECT_EQ(parse_route("GET", "/api/organizations/o/Billing").kind, Kind::personal);
    EXPECT_EQ(parse_route("GET", "/Org/Name/resolve/main/X").repo.name, "Org/Name");
}

TEST(Route, CommitsAreInLowerCase) {
    const std::string upper = "0123456789ABCDEF0123456789ABCDEF01234567";
    for (const auto& target :
         {"/o/n/resolve/" + upper + "/x", "/o/n/raw/" + upper + "/x", "/o/n/blob/" + upper + "/x",
          "/api/models/o/n/tree/" + upper, "/api/models/o/n/revision/" + upper,
          "/api/models/o/n/commits/" + upper, "/api/resolve-cache/models/o/n/" + upper + "/x"}) {
        EXPECT_EQ(parse_route("GET", target).revision, sha) << target;
    }
    EXPECT_EQ(parse_route("POST", "/api/models/o/n/paths-info/" + upper).revision, sha);
    for (const auto& revision : {upper.substr(0, 39), upper.substr(0, 7), upper + "A"}) {
        EXPECT_EQ(parse_route("GET", "/o/n/resolve/" + revision + "/x").revision, revision);
    }
}

// No request names a host: what looks like one is a repo or nothing.
TEST(Route, NoTargetNamesAHost) {
    EXPECT_EQ(parse_route("GET", "//evil.example/x").encoded_path, "/evil.example/x");
    EXPECT_EQ(parse_route("GET", "/@evil.example/x").encoded_path, "/%40evil.example/x");
    EXPECT_EQ(parse_route("GET", "/http:/evil.example/x").kind, Kind::page);
    EXPECT_EQ(parse_route("GET", "/http://evil.example/x").kind, Kind::bad);
    EXPECT_EQ(parse_route("GET", "/\\evil.example").kind, Kind::bad);
}

TEST(Route, QueriesAreKeptForWhoNeedsThem) {
    const auto route = parse_route("GET", "/o/n/resolve/main/x?download=true&y=%2F");
    EXPECT_EQ(route.path, "x");
    EXPECT_EQ(route.query, "download=true&y=%2F");
    EXPECT_EQ(parse_route("GET", "/api/models?search=\xc3\xb1").query, "search=%C3%B1");
    EXPECT_EQ(parse_route("GET", "/api/models?search=a/../b?c").target(),
              "/api/models?search=a/../b?c");
}

}  // namespace
}  // namespace hubkeep
