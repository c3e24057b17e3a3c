// Which addresses in the Hub's documents become ours, and that nothing else does.

#include "server/hub/public_urls.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

const std::vector<std::string> hub{"https://huggingface.co"};
constexpr std::string_view own = "http://cache:8090";

TEST(PublicUrls, OnlyWhereClientsFollowThem) {
    const auto of = [](std::string_view target) {
        return followed_urls(parse_route("GET", target));
    };
    EXPECT_EQ(of("/api/datasets/o/n/parquet"), FollowedUrls::all);
    EXPECT_EQ(of("/api/datasets/squad/parquet/plain/train"), FollowedUrls::all);
    EXPECT_EQ(of("/api/models/o/n/commits/main"), FollowedUrls::members);
    EXPECT_EQ(of("/api/models/o/n/discussions/1"), FollowedUrls::members);
    EXPECT_EQ(of("/-/datasets-server/parquet?dataset=o/n"), FollowedUrls::members);
    EXPECT_EQ(of("/api/models/o/n/likers"), FollowedUrls::none);
    EXPECT_EQ(of("/api/models?search=parquet"), FollowedUrls::none);
    EXPECT_EQ(of("/api/models/o/parquet"), FollowedUrls::all);  // the canonical repo "o"
    EXPECT_EQ(of("/api/papers"), FollowedUrls::none);
}

TEST(PublicUrls, MembersByTheirNames) {
    const std::string document = R"({"parquet_files":[{"url": "https://huggingface.co/datasets/a",)"
                                 R"("text":"https://huggingface.co/b"}],"commitUrl" :)"
                                 R"("https://huggingface.co/c","url":"https://huggingface.co"})";
    EXPECT_EQ(with_public_urls(document, FollowedUrls::members, hub, own),
              R"({"parquet_files":[{"url": "http://cache:8090/datasets/a",)"
              R"("text":"https://huggingface.co/b"}],"commitUrl" :)"
              R"("http://cache:8090/c","url":"https://huggingface.co"})");
    EXPECT_EQ(with_public_urls(document, FollowedUrls::none, hub, own), document);
}

TEST(PublicUrls, TextThatOnlyLooksLikeThem) {
    const std::string document =
        R"({"card":"see \"url\":\"https://huggingface.co/x\" and \\",)"
        R"("url":"https://huggingface.com/"})";
    EXPECT_EQ(with_public_urls(document, FollowedUrls::members, hub, own), document);
    EXPECT_EQ(with_public_urls(document, FollowedUrls::all, hub, own), document);
}

TEST(PublicUrls, EveryStringOfAListOfFiles) {
    const std::string document =
        R"({"default":{"train":["https://huggingface.co/0","http://127.0.0.1:9/1","/2"]}})";
    EXPECT_EQ(with_public_urls(document, FollowedUrls::all, {hub[0], "http://127.0.0.1:9"}, own),
              R"({"default":{"train":["http://cache:8090/0","http://cache:8090/1","/2"]}})");
}

}  // namespace
}  // namespace hubkeep
