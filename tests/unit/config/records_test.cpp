// Lists of maps: the same from a file and from one line of text, and every mistake has its words.

#include "config/records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"
#include "folder.hpp"

namespace hubkeep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string mistake_in_access(std::string_view text) {
    std::vector<AccessRule> rules;
    const auto read = read_value(text, rules);
    return read ? "" : read.error().message;
}

TEST(Records, AFileAndAFlagSayTheSame) {
    Folder folder;
    LoadInput input;
    input.environment = {{"HOME", "/home/someone"}};
    input.file = folder.write("h.yaml",
                              "access:\n"
                              "  rules:\n"
                              "    - name: ours\n"
                              "      repos: [our-org/*, 'datasets/our-org/*']\n"
                              "      sharing: verify\n"
                              "      message: \"It is \\\"ours\\\".\"\n"
                              "    - {repos: 'a,b', sharing: deny}\n"
                              "policy:\n"
                              "  rules:\n"
                              "    - name: no-pickles\n"
                              "      action: deny\n"
                              "      files:\n"
                              "        - '*.bin'\n");
    const auto loaded = load_settings(input);
    ASSERT_TRUE(loaded) << loaded.error().front();
    const auto& rules = loaded->settings.access.rules;
    ASSERT_EQ(rules.size(), 2u);
    EXPECT_EQ(rules[0].message, "It is \"ours\".");
    EXPECT_THAT(rules[0].repos, ElementsAre("our-org/*", "datasets/our-org/*"));
    EXPECT_THAT(rules[1].repos, ElementsAre("a,b"));
    EXPECT_EQ(loaded->settings.policy.rules.at(0).files, std::vector<std::string>{"*.bin"});
    EXPECT_EQ(loaded->origins.at("access.rules"), *input.file + ":2:3");

    std::vector<AccessRule> again;
    ASSERT_TRUE(read_value(write_value(rules), again));
    EXPECT_EQ(again, rules);
}

TEST(Records, MistakesSayWhichItemAndWhichKey) {
    EXPECT_EQ(mistake_in_access("[]"), "");
    EXPECT_THAT(mistake_in_access("[{repos: a, sharing: deny}, {repos: b, sharin: deny}]"),
                HasSubstr("item 2 has an unknown key \"sharin\" (did you mean \"sharing\"?)"));
    EXPECT_THAT(mistake_in_access("[{repos: a}]"), HasSubstr("item 1 needs sharing"));
    EXPECT_THAT(mistake_in_access("[{sharing: verfy}]"), HasSubstr("did you mean \"verify\"?"));
    EXPECT_THAT(mistake_in_access("[{kinds: [modle], sharing: deny}]"), HasSubstr("\"model\"?"));
    EXPECT_THAT(mistake_in_access("[{sharing: deny, sharing: verify}]"), HasSubstr("twice"));
    EXPECT_THAT(mistake_in_access("[{repos: {a: b}, sharing: deny}]"), HasSubstr("repos: takes"));
    EXPECT_THAT(mistake_in_access("[{repos: [''], sharing: deny}]"), HasSubstr("empty item"));
    EXPECT_THAT(mistake_in_access("[our-org/*]"), HasSubstr("item 1 is not a map"));
    EXPECT_THAT(mistake_in_access("org/*=verify"), HasSubstr("is not a list"));
    EXPECT_THAT(mistake_in_access("[{"), HasSubstr("is not a list of maps"));
}

TEST(Records, ATokenIsInOnePlace) {
    std::vector<TokenSetting> tokens;
    EXPECT_TRUE(read_value("[{name: a, repos: [x/*], file: /a}]", tokens));
    EXPECT_FALSE(read_value("[{name: a, repos: [x/*]}]", tokens));
    EXPECT_FALSE(read_value("[{name: a, repos: x, file: /a, command: b}]", tokens));
    EXPECT_FALSE(read_value("[{repos: x, file: /a}]", tokens));
    EXPECT_FALSE(read_value("[{name: a, file: /a}]", tokens));
    EXPECT_EQ(tokens.size(), 1u);
}

}  // namespace
}  // namespace hubkeep
