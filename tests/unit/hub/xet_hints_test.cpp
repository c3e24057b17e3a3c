// What clients are told about Xet, in the fields that they read.

#include "server/hub/xet_hints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <map>

namespace hubkeep {
namespace {

const std::string commit(40, 'a');
const std::string sha256(64, 'b');
const std::string xet(64, 'c');
const FileMetadata file{commit, *Digest::parse(sha256), 13'000'000'000'000, xet};
const RepoId model{RepoKind::model, "org/name"};
const RepoId dataset{RepoKind::dataset, "org/name"};

std::map<std::string, std::string> by_name(const HeaderFields& fields) {
    std::map<std::string, std::string> found;
    for (const auto& [name, value] : fields) EXPECT_TRUE(found.emplace(name, value).second) << name;
    return found;
}

std::string links(const std::string& origin, const std::string& repo) {
    return "<" + origin + "/api/" + repo + "/xet-read-token/" + commit + ">; rel=\"xet-auth\", <" +
           origin + "/-/xet/v1/reconstructions/" + xet + ">; rel=\"xet-reconstruction-info\"";
}

TEST(XetHints, AHashIs64LowerCaseHexDigits) {
    EXPECT_TRUE(is_xet_hash(xet));
    EXPECT_TRUE(is_xet_hash(std::string(32, '0') + std::string(32, 'f')));
    for (const auto& wrong : {std::string(), xet + 'c', xet.substr(1), 'C' + xet.substr(1),
                              'g' + xet.substr(1), ' ' + xet.substr(1)}) {
        EXPECT_FALSE(is_xet_hash(wrong)) << wrong;
    }
}

TEST(XetHints, LinksLeadToTheOriginOfTheClient) {
    EXPECT_THAT(by_name(xet_fields(file, model, "http://127.0.0.1:8090")),
                testing::ElementsAre(
                    testing::Pair("Link", links("http://127.0.0.1:8090", "models/org/name")),
                    testing::Pair("X-Xet-Hash", xet)));
    EXPECT_EQ(by_name(xet_fields(file, dataset, "https://hub.example"))["Link"],
              links("https://hub.example", "datasets/org/name"));
}

TEST(XetHints, FileInfoIsAskedForByName) {
    EXPECT_TRUE(wants_xet_file_info("application/vnd.xet-fileinfo+json, */*"));
    EXPECT_TRUE(wants_xet_file_info("*/*;q=0.1 , Application/Vnd.Xet-FileInfo+JSON;q=1"));
    for (const auto* const other :
         {"", "*/*", "application/json", "application/*", "application/vnd.xet-fileinfo+jsonx",
          "x-application/vnd.xet-fileinfo+json"}) {
        EXPECT_FALSE(wants_xet_file_info(other)) << other;
    }
}

TEST(XetHints, FileInfoTellsTheSameTwice) {
    const std::string origin = "http://hub";
    const auto fields = by_name(xet_file_info_fields(file, model, origin));
    const std::map<std::string, std::string> expected{
        {"Content-Type", std::string(xet_file_info_type)},
        {"X-Repo-Commit", commit},
        {"X-Linked-Size", "13000000000000"},
        {"X-Linked-ETag", '"' + sha256 + '"'},
        {"X-Xet-Hash", xet},
        {"Link", links(origin, "models/org/name")},
        {"Cache-Control", "no-store"},
        {"Vary", "Accept"}};
    EXPECT_EQ(fields, expected);
    const auto document = boost::json::parse(xet_file_info(file, model, origin)).as_object();
    EXPECT_EQ(document.at("hash"), xet.c_str());
    EXPECT_EQ(document.at("size"), 13'000'000'000'000);
    EXPECT_EQ(document.at("etag"), ('"' + sha256 + '"').c_str());
    EXPECT_EQ(document.at("contentType"), xet_file_info_type.data());
    const std::string refresh(document.at("refreshUrl").as_string());
    const std::string rebuild(document.at("reconstructionUrl").as_string());
    EXPECT_THAT(fields.at("Link"), testing::HasSubstr("<" + refresh + ">; rel=\"xet-auth\""));
    EXPECT_THAT(fields.at("Link"),
                testing::HasSubstr("<" + rebuild + ">; rel=\"xet-reconstruction-info\""));
}

}  // namespace
}  // namespace hubkeep
