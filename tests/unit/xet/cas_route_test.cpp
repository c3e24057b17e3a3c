// CasRoute: every name that some client has for a thing, and nothing else.

#include "server/xet/cas_route.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

using Kind = CasRoute::Kind;
const std::string hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string other(64, 'e');

Kind kind_of(std::string_view method, const std::string& path, std::string_view query = {}) {
    return parse_cas_route(method, path, query).kind;
}

TEST(CasRoute, ReconstructionsHaveFourNames) {
    for (const auto* name : {"reconstruction/", "reconstructions/", "v1/reconstructions/"}) {
        const auto route = parse_cas_route("GET", name + hash, {});
        EXPECT_EQ(route.kind, Kind::reconstruction) << name;
        EXPECT_EQ(route.hashes, std::vector{hash});
    }
    EXPECT_EQ(kind_of("GET", "v2/reconstructions/" + hash), Kind::reconstruction_v2);
}

TEST(CasRoute, BatchesNameTheirFilesInTheQuery) {
    const auto query = "file_id=" + hash + "&x=1&file_id=" + other;
    const auto route = parse_cas_route("GET", "v1/reconstructions", query);
    EXPECT_EQ(route.kind, Kind::batch);
    EXPECT_EQ(route.hashes, (std::vector{hash, other}));
    EXPECT_EQ(kind_of("POST", "v1/reconstructions"), Kind::batch);
    EXPECT_EQ(kind_of("GET", "v1/reconstructions"), Kind::unknown);
    EXPECT_EQ(kind_of("GET", "v1/reconstructions", "file_id=nonsense"), Kind::unknown);
    std::string many = "file_id=" + hash;
    for (std::size_t i = 0; i < max_batch_files; ++i) many += "&file_id=" + hash;
    EXPECT_EQ(kind_of("GET", "v1/reconstructions", many), Kind::unknown);
}

TEST(CasRoute, XorbsAndFiles) {
    EXPECT_EQ(kind_of("GET", "v1/xorbs/default/" + hash), Kind::xorb);
    EXPECT_EQ(kind_of("HEAD", "v1/xorbs/default/" + hash), Kind::xorb);
    EXPECT_EQ(kind_of("GET", "xorb/default/" + hash), Kind::xorb);
    EXPECT_EQ(kind_of("HEAD", "v1/files/" + hash), Kind::file);
    EXPECT_EQ(kind_of("GET", "v1/files/" + hash), Kind::unknown);
}

TEST(CasRoute, WritingIsAnUpload) {
    EXPECT_EQ(kind_of("POST", "v1/xorbs/default/" + hash), Kind::upload);
    EXPECT_EQ(kind_of("PUT", "v1/xorbs/default/" + hash), Kind::upload);
    EXPECT_EQ(kind_of("POST", "v1/shards"), Kind::upload);
    EXPECT_EQ(kind_of("POST", "v1/xorb-grants/default"), Kind::upload);
    EXPECT_EQ(kind_of("POST", "v1/telemetry"), Kind::telemetry);
}

TEST(CasRoute, WhatIsNoHashIsNowhere) {
    for (const auto& path :
         {std::string("v1/reconstructions/") + hash.substr(1), "v1/reconstructions/" + hash + "/x",
          std::string("v1/xorbs/default/../") + hash, "v1/xorbs/" + hash,
          "v3/reconstructions/" + hash, std::string("v1/chunks/default/") + hash, std::string()}) {
        EXPECT_EQ(kind_of("GET", path), Kind::unknown) << path;
    }
    std::string upper = hash;
    upper.back() = 'F';
    EXPECT_EQ(kind_of("GET", "v1/reconstructions/" + upper), Kind::unknown);
}

TEST(CasRoute, BatchBodies) {
    const auto one = R"({"prefix":"default","hash":")" + hash + "\"}";
    EXPECT_EQ(*hashes_of_batch('[' + one + ']'), std::vector{hash});
    for (const std::string wrong :
         {"", "{}", "[]", "[1]", "[{}]", "[{\"hash\":\"x\"}]", "[{\"hash\":1}]"}) {
        EXPECT_FALSE(hashes_of_batch(wrong)) << wrong;
    }
    std::string many = '[' + one;
    for (std::size_t i = 0; i < max_batch_files; ++i) many += ',' + one;
    EXPECT_FALSE(hashes_of_batch(many + ']'));
}

}  // namespace
}  // namespace hubkeep
