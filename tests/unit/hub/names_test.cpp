// Which names are names, and how they travel in a URL.

#include "server/hub/names.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

using namespace std::string_literals;

TEST(Names, KindsHaveTheirThreeSpellings) {
    EXPECT_EQ(name_of(RepoKind::dataset), "dataset");
    EXPECT_EQ(api_segment(RepoKind::space), "spaces");
    EXPECT_EQ(url_prefix(RepoKind::model), "");
    EXPECT_EQ(url_prefix(RepoKind::kernel), "kernels/");
    for (const auto kind :
         {RepoKind::model, RepoKind::dataset, RepoKind::space, RepoKind::kernel}) {
        EXPECT_EQ(kind_of_api_segment(api_segment(kind)), kind);
    }
    EXPECT_FALSE(kind_of_api_segment("model"));
    EXPECT_FALSE(kind_of_api_segment(""));
}

TEST(Names, KindsNeverShareAnId) {
    EXPECT_NE((RepoId{RepoKind::model, "squad"}), (RepoId{RepoKind::dataset, "squad"}));
    EXPECT_NE((RepoId{RepoKind::model, "Org/x"}), (RepoId{RepoKind::model, "org/x"}));
}

TEST(Names, RepoNames) {
    const std::string longest(96, 'a');
    for (const std::string& name :
         {"gpt2"s, "openai-community/gpt2"s, "a/b"s, "_x/y_"s, "org/Model-1.5_q4.gguf"s, "1/2"s,
          "resolve"s, "org/tree"s, "org/datasets"s, "models/a"s, "datasets1/a"s, "CON"s, longest,
          longest + '/' + longest}) {
        EXPECT_TRUE(is_valid_repo_name(name)) << name;
    }
    for (const std::string& name : {""s,
                                    "/"s,
                                    "a/"s,
                                    "/a"s,
                                    "a//b"s,
                                    "a/b/c"s,
                                    "."s,
                                    ".."s,
                                    "a/.."s,
                                    "../a"s,
                                    "-a"s,
                                    "a-"s,
                                    ".a"s,
                                    "a."s,
                                    "a--b"s,
                                    "a..b"s,
                                    "org/x.git"s,
                                    "gpt2.git"s,
                                    "a b"s,
                                    "a%2fb"s,
                                    "a\\b"s,
                                    "a\nb"s,
                                    "@a"s,
                                    "a:b"s,
                                    "\xc3\xb1"s,
                                    "a\0b"s,
                                    "api"s,
                                    "datasets/squad"s,
                                    "Datasets/squad"s,
                                    "spaces/a"s,
                                    "kernels/a"s,
                                    "buckets/a"s,
                                    "v2/a"s,
                                    longest + 'a',
                                    "a/" + longest + 'a'}) {
        EXPECT_FALSE(is_valid_repo_name(name)) << name;
    }
}

TEST(Names, Commits) {
    const std::string lower = "0123456789abcdef0123456789abcdef01234567";
    const std::string upper = "0123456789ABCDEF0123456789ABCDEF01234567";
    EXPECT_TRUE(is_commit(lower));
    EXPECT_FALSE(is_commit(upper));
    EXPECT_FALSE(is_commit(lower.substr(1)));
    EXPECT_FALSE(is_commit(lower + '0'));
    EXPECT_FALSE(is_commit("g123456789abcdef0123456789abcdef01234567"));
    EXPECT_EQ(normalise_commit(upper), lower);
    EXPECT_EQ(normalise_commit(lower), lower);
    EXPECT_FALSE(normalise_commit("main"));
}

TEST(Names, Revisions) {
    for (const std::string& revision :
         {"main"s, "v1.0"s, "refs/pr/1"s, "refs/convert/parquet"s, "feature/a-b_c"s, "@a"s, "a@b"s,
          "\xc3\xb1"s, "resolve"s, "a+b"s, "a#b"s, "100%"s, std::string(255, 'r')}) {
        EXPECT_TRUE(is_valid_revision(revision)) << revision;
    }
    for (const std::string& revision :
         {""s,       "/main"s,    "main/"s,    "a//b"s,
          "-main"s,  ".main"s,    "a/.b"s,     "main."s,
          "a..b"s,   ".."s,       "../main"s,  "a b"s,
          "a~1"s,    "a^"s,       "a:b"s,      "a?"s,
          "a*"s,     "[a"s,       "a\\b"s,     "a\tb"s,
          "a\x7f"s,  "a\0"s,      "@"s,        "main@{1}"s,
          "a.lock"s, "a.lock/b"s, "\xc0\xae"s, std::string(256, 'r')}) {
        EXPECT_FALSE(is_valid_revision(revision)) << revision;
    }
}

TEST(Names, Paths) {
    for (const std::string& path :
         {"config.json"s, "sub dir/we#ird%20+\xc3\xb1.txt"s, ".gitattributes"s, "a/b/c/d"s, "..."s,
          "a/..b"s, "a../b"s, "con"s, "a."s, "a:b"s, "-"s, "\xf0\x9f\xa4\x97.md"s,
          "\xe2\x80\xae.txt"s, "a\"b;c"s, std::string(4096, 'p')}) {
        EXPECT_TRUE(is_valid_path(path)) << path;
    }
    for (const std::string& path :
         {""s,     "/"s,    "/a"s,       "a/"s,    "a//b"s,
          "."s,    ".."s,   "./a"s,      "a/."s,   "a/../b"s,
          "../a"s, "a/.."s, "a\\b"s,     "..\\a"s, "a\0b"s,
          "a\nb"s, "a\rb"s, "a\x1b[1m"s, "a\x7f"s, std::string(4097, 'p')}) {
        EXPECT_FALSE(is_valid_path(path)) << path;
    }
}

TEST(Names, OnlyUtf8) {
    for (const std::string& good :
         {"\xc2\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s, "\xf4\x8f\xbf\xbf"s}) {
        EXPECT_TRUE(is_valid_path(good));
    }
    for (const std::string& bad :
         {"\x80"s, "\xc0\xae"s, "\xc1\xbf"s, "\xe0\x80\xae"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s,
          "\xf0\x80\x80\xae"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xff"s, "\xc3"s,
          "\xe2\x82"s, "\xf0\x9f\xa4"s, "\xc3/"s}) {
        EXPECT_FALSE(is_valid_path(bad));
    }
}

TEST(Names, UnicodeIsNotNormalised) {
    const std::string composed = "\xc3\xb1";
    const std::string decomposed = "n\xcc\x83";
    EXPECT_EQ(percent_encode_path(composed), "%C3%B1");
    EXPECT_EQ(percent_encode_path(decomposed), "n%CC%83");
    EXPECT_EQ(percent_decode("n%cc%83"), decomposed);
}

TEST(Names, Encoding) {
    EXPECT_EQ(percent_encode_path("sub dir/we#ird%20+\xc3\xb1.txt"),
              "sub%20dir/we%23ird%2520%2B%C3%B1.txt");
    EXPECT_EQ(percent_encode_segment("refs/pr/1"), "refs%2Fpr%2F1");
    EXPECT_EQ(percent_encode_path("Az09-._~/@"), "Az09-._~/%40");
    EXPECT_EQ(percent_encode_segment("a\0b"s), "a%00b");
}

TEST(Names, DecodingHappensOnce) {
    EXPECT_EQ(percent_decode("%2520"), "%20");
    EXPECT_EQ(percent_decode("a+b"), "a+b");
    EXPECT_EQ(percent_decode("%2f%2F%c3%B1"), "//\xc3\xb1");
    EXPECT_EQ(percent_decode(""), "");
    for (const auto* broken : {"%", "%2", "a%", "%zz", "%2g", "%-1", "%%20", "%00", "a%00b"}) {
        EXPECT_FALSE(percent_decode(broken)) << broken;
    }
    EXPECT_FALSE(percent_decode("a\0b"s));
}

TEST(Names, EncodingRoundTripsEveryByteButNul) {
    std::string all;
    for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
    EXPECT_EQ(percent_decode(percent_encode_path(all)), all);
    EXPECT_EQ(percent_decode(percent_encode_segment(all)), all);
}

}  // namespace
}  // namespace hubkeep
