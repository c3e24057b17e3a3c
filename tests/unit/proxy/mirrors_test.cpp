#include "server/proxy/mirrors.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

const std::string commit(40, 'a');
const std::string other_commit(40, 'b');

HubAnswer answer(int status, std::initializer_list<std::pair<const char*, std::string>> fields) {
    ResponseHead head{.status = status};
    for (const auto& [name, value] : fields) head.headers.set(name, value);
    auto warning = stale_warning_of(head);
    return HubAnswer{.response = ClientResponse::made_here(std::move(head)),
                     .warning = std::move(warning)};
}

HubRequest file_at(const std::string& revision) {
    return {.method = "HEAD", .target = "/org/name/resolve/" + revision + "/config.json"};
}

TEST(Mirrors, AFileCountsWithTheCommitThatWasAskedFor) {
    EXPECT_TRUE(is_good_answer(answer(200, {{"X-Repo-Commit", commit}}), file_at("main")));
    EXPECT_TRUE(is_good_answer(answer(302, {{"X-Repo-Commit", commit}}), file_at(commit)));
    EXPECT_FALSE(is_good_answer(answer(200, {{"X-Repo-Commit", other_commit}}), file_at(commit)));
    EXPECT_FALSE(is_good_answer(answer(200, {{"X-Repo-Commit", "main"}}), file_at("main")));
    EXPECT_FALSE(is_good_answer(answer(200, {}), file_at("main"))) << "a page of a captive portal";
}

TEST(Mirrors, AnApiCountsWithJson) {
    const HubRequest info{.target = "/api/models/org/name"};
    EXPECT_TRUE(is_good_answer(answer(200, {{"Content-Type", "application/json"}}), info));
    EXPECT_FALSE(is_good_answer(answer(200, {{"Content-Type", "text/html"}}), info));
    EXPECT_FALSE(is_good_answer(answer(302, {{"Content-Type", "application/json"}}), info));
}

TEST(Mirrors, NoRefusalCountsButTheHubsWordByAHubkeep) {
    for (const int status : {400, 401, 403, 404, 429, 500, 503, 508, 530}) {
        const auto refusal = answer(
            status,
            {{"X-Error-Code", "RepoNotFound"}, {"X-Repo-Commit", commit}, {"Server", "hubkeep/1"}});
        EXPECT_FALSE(is_good_answer(refusal, file_at("main"))) << status;
        EXPECT_FALSE(is_second_best(refusal, file_at("main"))) << status;
    }
    const std::initializer_list<std::pair<const char*, std::string>> missing{
        {"X-Error-Code", "EntryNotFound"}, {"X-Repo-Commit", commit}, {"Server", "hubkeep/1"}};
    EXPECT_FALSE(is_good_answer(answer(404, missing), file_at("main")));
    EXPECT_TRUE(is_second_best(answer(404, missing), file_at("main")));
    EXPECT_FALSE(
        is_second_best(answer(404, {{"X-Error-Code", "EntryNotFound"}, {"X-Repo-Commit", commit}}),
                       file_at("main")))
        << "a mirror that is no hubkeep may just lack it";
}

TEST(Mirrors, WhatAHubkeepCouldNotConfirmIsSecondBest) {
    const auto stale = answer(200, {{"X-Repo-Commit", commit},
                                    {"Server", "hubkeep/1"},
                                    {"X-HF-Warning", "hubkeep; the Hub does not answer"}});
    EXPECT_EQ(stale.warning, "the Hub does not answer");
    EXPECT_FALSE(is_good_answer(stale, file_at("main")));
    EXPECT_TRUE(is_second_best(stale, file_at("main")));
    EXPECT_EQ(answer(200, {{"X-HF-Warning", "unauthenticated; send a token"}}).warning, "");
}

TEST(Mirrors, ViaKeepsOurNamesAlone) {
    EXPECT_EQ(hubkeeps_in(""), "");
    EXPECT_EQ(hubkeeps_in("1.1 nginx, 1.1 hubkeep-01, 1.0 fred (x), 1.1 hubkeep-02 (y)"),
              "1.1 hubkeep-01");
    EXPECT_EQ(hubkeeps_in("1.1 hubkeep-01,1.1 hubkeep-02"), "1.1 hubkeep-01, 1.1 hubkeep-02");
    EXPECT_EQ(hubkeeps_in("1.1 hubkeep-" + std::string(80, 'a')), "");
}

TEST(Mirrors, ACircleIsOurOwnNameOrTooManyNames) {
    const std::string own = "1.1 hubkeep-01";
    EXPECT_FALSE(goes_in_a_circle("", own));
    EXPECT_FALSE(goes_in_a_circle("1.1 hubkeep-02", own));
    EXPECT_TRUE(goes_in_a_circle("1.1 hubkeep-02, 1.1 hubkeep-01", own));
    std::string chain = "1.1 hubkeep-02";
    for (int i = 0; i < 7; ++i) chain += ", 1.1 hubkeep-02";
    EXPECT_FALSE(goes_in_a_circle(chain, own));
    EXPECT_TRUE(goes_in_a_circle(chain + ", 1.1 hubkeep-02", own));
}

}  // namespace
}  // namespace hubkeep
