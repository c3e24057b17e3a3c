// Which token is shown for a repo, and what is remembered of the Hub's opinion.

#include "server/proxy/service_tokens.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

using State = ServiceTokens::State;

ResponseHead answer(int status, const std::string& message = {}) {
    ResponseHead head{.status = status};
    if (!message.empty()) head.headers.set("X-Error-Message", message);
    return head;
}

const std::string bad = "Invalid credentials in Authorization header";

class ServiceTokensTest : public ::testing::Test {
  protected:
    static ServiceToken named(const std::string& name, std::vector<std::string> repos,
                              const std::string& token) {
        return {name, std::move(repos), Secret(token), "file /x"};
    }
    std::string shown(const std::string& repo) const {
        const auto credential = tokens_.credential_for({RepoKind::model, repo});
        return std::string(credential.token.reveal());
    }
    State state(std::size_t number) const { return tokens_.lines().at(number).state; }
    std::optional<std::string> judge(const ResponseHead& head) {
        return tokens_.judge(tokens_.credential(), head);
    }

    Log log_{LogLevel::off, LogFormat::json};
    ServiceTokens tokens_{{named("llama", {"meta-llama/*"}, "hf_llama"),
                           named("ours", {"our-org/*", "meta-llama/x"}, "hf_ours"),
                           named("default", {}, "hf_default")},
                          log_};
};

TEST_F(ServiceTokensTest, TheFirstThatMatchesCounts) {
    EXPECT_EQ(shown("Meta-Llama/x"), "hf_llama");
    EXPECT_EQ(shown("our-org/x"), "hf_ours");
    EXPECT_EQ(shown("somebody/x"), "hf_default");
    EXPECT_EQ(tokens_.credential().token.reveal(), "hf_default");
    tokens_.replace({named("ours", {"our-org/*"}, "hf_ours")});
    EXPECT_EQ(tokens_.credential().kind, Credential::Kind::none);
    EXPECT_EQ(tokens_.credential_for({RepoKind::model, "gpt2"}).kind, Credential::Kind::none);
    EXPECT_EQ(tokens_.credential_for({RepoKind::model, "our-org/x"}).kind,
              Credential::Kind::service);
    EXPECT_FALSE(tokens_.empty());
}

TEST_F(ServiceTokensTest, OnlyTheHubsWordForItMakesATokenBad) {
    EXPECT_EQ(state(2), State::unknown);
    for (const int status : {401, 429, 500, 503, 530}) {
        EXPECT_FALSE(judge(answer(status, "Invalid username or password.")));
        EXPECT_EQ(state(2), State::unknown) << status;
    }
    EXPECT_EQ(judge(answer(401, bad)), "default");
    EXPECT_EQ(state(2), State::refused);
    EXPECT_EQ(tokens_.lines()[2].cause, bad);
    EXPECT_GT(tokens_.lines()[2].since, 0);
    EXPECT_FALSE(judge(answer(503)));
    EXPECT_EQ(state(2), State::refused);
    EXPECT_FALSE(judge(answer(404, "Repository not found")));
    EXPECT_EQ(state(2), State::valid);
    EXPECT_EQ(tokens_.lines()[2].cause, "");
    EXPECT_EQ(state(0), State::unknown);  // each has its own
}

TEST_F(ServiceTokensTest, AReloadKeepsWhatIsKnownOfATokenThatStays) {
    judge(answer(401, bad));
    const auto old = tokens_.credential();
    tokens_.replace({named("renamed", {"a/*"}, "hf_default"), named("default", {}, "hf_new")});
    EXPECT_EQ(state(0), State::refused);
    EXPECT_EQ(state(1), State::unknown);
    tokens_.replace({named("default", {}, "hf_new")});
    EXPECT_TRUE(tokens_.judge(old, answer(401, bad)));  // a request that began before
    EXPECT_EQ(state(0), State::unknown);
}

}  // namespace
}  // namespace hubkeep
