// What the Hub's webhook says, and what others might send in its place.

#include "server/hub/webhook.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

const std::string commit(40, 'a');

std::string message(const std::string& refs, const std::string& scope = "repo.content") {
    return R"({"event":{"action":"update","scope":")" + scope +
           R"("},"repo":{"type":"dataset","name":"org/name","headSha":"x"},"updatedRefs":)" + refs +
           R"(,"webhook":{"id":"1","version":3}})";
}

TEST(Webhook, TellsWhichRevisionsMoved) {
    const auto event = parse_webhook(
        message(R"([{"ref":"refs/heads/main","oldSha":null,"newSha":")" + commit +
                R"("},{"ref":"refs/tags/v1","newSha":null},{"ref":"refs/pr/1","newSha":"zz"}])"));
    ASSERT_TRUE(event);
    EXPECT_EQ(event->repo, (RepoId{RepoKind::dataset, "org/name"}));
    EXPECT_FALSE(event->whole_repo);
    ASSERT_EQ(event->refs.size(), 3u);
    EXPECT_EQ(event->refs[0].revision, "main");
    EXPECT_EQ(event->refs[0].commit, commit);
    EXPECT_EQ(event->refs[1].revision, "v1");
    EXPECT_EQ(event->refs[1].commit, "");
    EXPECT_EQ(event->refs[2].revision, "refs/pr/1");
    EXPECT_EQ(event->refs[2].commit, "");
}

TEST(Webhook, ADiscussionChangesNothing) {
    const auto event = parse_webhook(
        R"({"event":{"action":"create","scope":"discussion"},)"
        R"("repo":{"type":"model","name":"a/b"}})");
    ASSERT_TRUE(event);
    EXPECT_TRUE(event->refs.empty());
    EXPECT_FALSE(event->whole_repo);
}

TEST(Webhook, OtherSettingsAreAboutTheWholeRepo) {
    EXPECT_TRUE(parse_webhook(message("[]", "repo.config"))->whole_repo);
    EXPECT_TRUE(parse_webhook(message("[]", "repo"))->whole_repo);
}

TEST(Webhook, ManyRefsAreTheWholeRepo) {
    std::string refs = "[";
    for (int i = 0; i < 17; ++i) {
        refs += std::string(i ? "," : "") + R"({"ref":"refs/heads/b)" + std::to_string(i) +
                R"(","newSha":")" + commit + R"("})";
    }
    const auto event = parse_webhook(message(refs + "]"));
    ASSERT_TRUE(event);
    EXPECT_EQ(event->refs.size(), 16u);
    EXPECT_TRUE(event->whole_repo);
}

TEST(Webhook, NamesThatNoRefHasAreLeftOut) {
    const auto event = parse_webhook(
        message(R"([{"ref":"refs/heads/a..b"},{"ref":7},{"ref":"refs/heads/"},"x",{"no":"ref"}])"));
    ASSERT_TRUE(event);
    EXPECT_TRUE(event->refs.empty());
}

TEST(Webhook, EverythingElseIsRefused) {
    for (const auto* const text :
         {"", "[]", "{}", "null", R"({"repo":{}})", R"({"repo":{"type":"model"}})",
          R"({"repo":{"type":"bucket","name":"a/b"}})",
          R"({"repo":{"type":"model","name":"../a"}})",
          R"({"repo":{"type":"model","name":"a/b"})"}) {
        const auto event = parse_webhook(text);
        ASSERT_FALSE(event) << text;
        EXPECT_EQ(event.error().kind, ErrorKind::invalid);
    }
    EXPECT_FALSE(parse_webhook(std::string(100'000, '[')));
}

}  // namespace
}  // namespace hubkeep
