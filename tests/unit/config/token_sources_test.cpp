// Where service tokens come from: which place counts, what each refuses, and that no word about
// them repeats any.

#include "config/token_sources.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "config/stored_tokens.hpp"
#include "config/token_command.hpp"
#include "folder.hpp"

namespace hubkeep {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class TokenSources : public ::testing::Test {
  protected:
    TokenSources() { settings_.data_dir = folder_.path(""); }
    FoundTokens find() const { return find_service_tokens(settings_, environment_, variables_); }
    // "name=token from where", in their order.
    std::vector<std::string> found() const {
        const auto result = find();
        for (const auto& problem : result.problems) ADD_FAILURE() << problem.message;
        std::vector<std::string> lines;
        for (const auto& token : result.tokens) {
            lines.push_back(
                fmt::format("{}={} from {}", token.name, token.token.reveal(), token.where));
        }
        return lines;
    }
    std::vector<std::string> problems() const {
        std::vector<std::string> lines;
        for (const auto& problem : find().problems) lines.push_back(problem.message);
        return lines;
    }
    void store(const std::string& name, std::vector<std::string> repos, const std::string& token) {
        auto tokens = read_stored_tokens(settings_.data_dir).value();
        tokens.push_back({name, std::move(repos), Secret(token)});
        ASSERT_TRUE(write_stored_tokens(settings_.data_dir, tokens));
    }
    void name_a_file(const std::string& name, const std::string& file) {
        settings_.upstream.tokens.push_back({.name = name, .repos = {"x/*"}, .file = file});
    }

    Folder folder_;
    Settings settings_;
    Environment environment_{{"PATH", "/bin:/usr/bin"}};
    EnvironmentTokens variables_;
};

TEST_F(TokenSources, TheDefaultComesFromTheFirstPlaceThatIsGiven) {
    std::filesystem::create_directory(folder_.path("credentials"));
    EXPECT_THAT(found(), IsEmpty());
    store("default", {}, "hf_stored");
    EXPECT_THAT(found(), ElementsAre("default=hf_stored from stored"));
    environment_.emplace_back("CREDENTIALS_DIRECTORY", folder_.path("credentials"));
    EXPECT_THAT(found(), ElementsAre("default=hf_stored from stored"));
    folder_.write("credentials/hf-token", "hf_credential\n", 0440);
    EXPECT_THAT(found(), ElementsAre("default=hf_credential from credential hf-token"));
    environment_.emplace_back("HF_TOKEN_FILE", folder_.write("named", "hf_named"));
    EXPECT_THAT(found(), ElementsAre(HasSubstr("default=hf_named from file /")));
    variables_.hf_token = Secret("hf_variable");
    EXPECT_THAT(found(), ElementsAre("default=hf_variable from HF_TOKEN"));
    settings_.upstream.token_command = "echo hf_command";
    EXPECT_THAT(found(), ElementsAre("default=hf_command from command"));
    settings_.upstream.token_file = folder_.write("file", "hf_file");
    EXPECT_THAT(found(), ElementsAre(HasSubstr("default=hf_file from file /")));
    EXPECT_THAT(find().notices,
                ElementsAre(HasSubstr("upstream.token_command is ignored, upstream.token_file"),
                            HasSubstr("HF_TOKEN is ignored"), HasSubstr("HF_TOKEN_FILE is ignored"),
                            HasSubstr("credential hf-token is ignored"),
                            HasSubstr("`hubkeep token set` is ignored")));
}

TEST_F(TokenSources, APlaceThatCannotBeReadIsAMistakeAndNotPassedOver) {
    variables_.hf_token = Secret("hf_variable");
    settings_.upstream.token_file = folder_.write("file", "hf_file", 0644);
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("chmod 600")));
    EXPECT_THAT(find().tokens, IsEmpty());
    settings_.upstream.token_file.clear();
    variables_ = {};
    environment_.emplace_back("HF_TOKEN_FILE", folder_.path("absent"));
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("absent")));
}

TEST_F(TokenSources, TokensForSomeReposStandBeforeTheDefault) {
    variables_.hf_token = Secret("hf_variable");
    store("mine", {"me/*"}, "hf_mine");
    store("llama", {"other/*"}, "hf_stored");
    name_a_file("llama", folder_.write("llama", "hf_llama"));
    settings_.upstream.tokens.push_back(
        {.name = "vault", .repos = {"v/*"}, .command = "printf hf_vault"});
    EXPECT_THAT(found(), ElementsAre(HasSubstr("llama=hf_llama"), "vault=hf_vault from command",
                                     "mine=hf_mine from stored", HasSubstr("default=")));
    EXPECT_THAT(find().tokens[2].repos, ElementsAre("me/*"));
    EXPECT_THAT(find().notices, ElementsAre(HasSubstr("stored token llama is ignored")));
}

TEST_F(TokenSources, EveryMistakeIsNamedWithItsToken) {
    name_a_file("a", folder_.path("absent"));
    name_a_file("b", folder_.write("open", "hf_canary", 0644));
    settings_.upstream.tokens.push_back({.name = "c", .repos = {"x"}, .credential = "c"});
    settings_.upstream.tokens.push_back({.name = "d", .repos = {"x"}, .credential = "../c"});
    settings_.upstream.tokens.push_back({.name = "e", .repos = {"x"}, .command = "exit 3"});
    EXPECT_THAT(problems(),
                ElementsAre(HasSubstr("a: "), AllOf(HasSubstr("b: "), HasSubstr("chmod")),
                            AllOf(HasSubstr("c: "), HasSubstr("LoadCredential=c:")),
                            HasSubstr("d: "), HasSubstr("e: ")));
}

// Commands

TEST_F(TokenSources, ACommandPrintsOneToken) {
    const auto run = [&](const std::string& command) {
        const auto token = run_token_command(command, environment_);
        if (!token) EXPECT_THAT(token.error().message, Not(HasSubstr("canary")));
        return token ? std::string(token->reveal()) : token.error().message;
    };
    EXPECT_EQ(run("echo hf_abc"), "hf_abc");
    EXPECT_EQ(run("cat; echo hf_abc"), "hf_abc");  // there is nothing to be read
    EXPECT_EQ(run("sleep 60 & echo hf_abc"), "hf_abc");
    EXPECT_THAT(run("echo hf_canary; exit 7"), HasSubstr("exit code 7"));
    EXPECT_THAT(run("echo hf_canary; kill -9 $$"), HasSubstr("signal 9"));
    EXPECT_THAT(run("echo hf_canary two"), HasSubstr("something else than one token"));
    EXPECT_THAT(run("true"), HasSubstr("is empty"));
    EXPECT_THAT(run("no-such-command-canary 2>/dev/null"), HasSubstr("exit code 127"));
    EXPECT_THAT(run("yes hf_canary"), HasSubstr("more than a token"));
}

TEST_F(TokenSources, ACommandInheritsNothingButTheEnvironmentItIsGiven) {
    const int kept = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
    ::setenv("OURS", "hf_ours", 1);
    const auto run = [&](const std::string& command) {
        return std::string(run_token_command(command, {{"GIVEN", "yes"}}).value().reveal());
    };
    EXPECT_EQ(run("echo ${GIVEN-no}${OURS-no}"), "yesno");
    EXPECT_EQ(run("(true <&" + std::to_string(kept) + ") 2>/dev/null && echo open || echo closed"),
              "closed");
    ::unsetenv("OURS");
    ::close(kept);
}

// Stored ones

TEST_F(TokenSources, WhatIsStoredComesBack) {
    const std::string token(4096, 'x');
    store("default", {}, "hf_a");
    store("b", {"x/*", "datasets/y/\"z\""}, token);
    const auto stored = read_stored_tokens(settings_.data_dir).value();
    ASSERT_EQ(stored.size(), 2U);
    EXPECT_EQ(stored[1].name, "b");
    EXPECT_THAT(stored[1].repos, ElementsAre("x/*", "datasets/y/\"z\""));
    EXPECT_EQ(stored[1].token.reveal(), token);
    EXPECT_EQ(permissions_of(stored_tokens_file(settings_.data_dir)).value(), 0600U);
}

TEST_F(TokenSources, AStoredFileThatSomebodyChangedIsRefused) {
    const std::string good = R"({"name":"a","repos":["x"],"token":"hf_canary"})";
    folder_.write("tokens.json", "{\"tokens\":[" + good + "]}");
    EXPECT_THAT(found(), ElementsAre("a=hf_canary from stored"));
    for (const std::string& content :
         {std::string(""), std::string("{}"), "[" + good + "]", "{\"tokens\":[" + good + "]",
          std::string(R"({"tokens":[{"name":"a","repos":[],"token":"hf_canary"}]})"),
          std::string(R"({"tokens":[{"name":"default","repos":["x"],"token":"hf_canary"}]})"),
          std::string(R"({"tokens":[{"name":"a b","repos":["x"],"token":"hf_canary"}]})"),
          std::string(R"({"tokens":[{"name":"a","repos":["x"],"token":"hf_canary two"}]})"),
          std::string(R"({"tokens":[{"name":"a","repos":["x"]}]})")}) {
        folder_.write("tokens.json", content);
        EXPECT_THAT(problems(), ElementsAre(AllOf(HasSubstr("tokens.json"), HasSubstr("token set"),
                                                  Not(HasSubstr("canary")))))
            << content;
    }
    folder_.write("tokens.json", "{\"tokens\":[" + good + "]}", 0640);
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("chmod 600")));
}

}  // namespace
}  // namespace hubkeep
