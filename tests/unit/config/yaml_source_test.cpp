// The form of the file: every mistake at its line and column, and nothing that costs much to read.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/sources.hpp"

namespace hubkeep {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> problems_of(const std::string& content) {
    return read_yaml("f.yaml", content).problems;
}

TEST(YamlSource, GivesTextsWithTheirPlaces) {
    const auto source = read_yaml("f.yaml",
                                  "# a comment\n"
                                  "listen: 8090\n"
                                  "cache:\n"
                                  "  max_size: \"85%\"\n"
                                  "log: {level: debug, format: 'json'}\n");
    EXPECT_THAT(source.problems, IsEmpty());
    std::vector<std::string> seen;
    for (const auto& given : source.given) {
        seen.push_back(given.place + " " + given.key + "=" + given.text);
    }
    EXPECT_THAT(seen, ElementsAre("f.yaml:2:9 listen=8090", "f.yaml:4:13 cache.max_size=85%",
                                  "f.yaml:5:14 log.level=debug", "f.yaml:5:29 log.format=json"));
}

TEST(YamlSource, AListBecomesOneText) {
    const auto source = read_yaml("f.yaml",
                                  "revisions:\n"
                                  "  rules:\n"
                                  "    - org/*=10m\n"
                                  "    - \"x@dev=0\"\n");
    EXPECT_THAT(source.problems, IsEmpty());
    ASSERT_EQ(source.given.size(), 1u);
    EXPECT_EQ(source.given[0].text, "org/*=10m, x@dev=0");
    EXPECT_EQ(source.given[0].place, "f.yaml:3:5");
    EXPECT_EQ(read_yaml("f.yaml", "revisions: {rules: []}\n").given.at(0).text, "");
    EXPECT_EQ(read_yaml("f.yaml", "revisions: {rules: \"a=1s, b=2s\"}\n").given.at(0).text,
              "a=1s, b=2s");
}

TEST(YamlSource, AFileWithoutSettingsIsGood) {
    for (const auto* const text : {"", "\n", "# only\n", "---\n", "cache:\nlog: {}\n", "~\n"}) {
        EXPECT_THAT(problems_of(text), IsEmpty()) << text;
    }
}

TEST(YamlSource, EveryMistakeHasItsPlace) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"cache:\n  max_sise: 1GB\n",
         "f.yaml:2:3: unknown key \"max_sise\" under \"cache\" (did you mean \"max_size\"?)"},
        {"max_size: 1GB\n",
         "f.yaml:1:1: unknown key \"max_size\" (did you mean \"max_size\" under \"cache\"?)"},
        {"log: {listen: 80}\n",
         "f.yaml:1:7: unknown key \"listen\" under \"log\" (did you mean "
         "\"listen\" at the top?)"},
        {"cahce: {max_size: 1GB}\n", "f.yaml:1:1: unknown key \"cahce\" (did you mean \"cache\"?)"},
        {"banana: 1\n", "f.yaml:1:1: unknown key \"banana\""},
        {"cache.max_size: 1GB\n",
         "f.yaml:1:1: unknown key \"cache.max_size\" (did you mean "
         "\"max_size\" under \"cache\"?)"},
        {"listen: 1\nlisten: 2\n", "f.yaml:2:1: \"listen\" was already given on line 1"},
        {"log:\nlisten: 1\nlog:\n", "f.yaml:3:1: \"log\" was already given on line 1"},
        {"log: {level: info, level: warn}\n", "f.yaml:1:20: \"level\" was already given on line 1"},
        {"revisions: {rules: [\"a=1s, b=2s\"]}\n",
         "f.yaml:1:21: an item of a list must not hold a comma"},
        {"revisions: {rules: [[a=1s]]}\n", "f.yaml:1:21: an item of a list must be a plain value"},
        {"revisions: {rules: {a: 1s}}\n",
         "f.yaml:1:20: \"revisions.rules\" takes a list, not a map"},
        {"listen: [1, 2]\n", "f.yaml:1:9: \"listen\" takes one value, not a list"},
        {"listen: {port: 1}\n", "f.yaml:1:9: \"listen\" takes one value, not a map"},
        {"listen:\n",
         "f.yaml:1:1: \"listen\" has no value; give one (\"\" for none) or remove the "
         "line"},
        {"cache: 5GB\n", "f.yaml:1:8: \"cache\" takes settings below it, indented, not a value"},
        {"cache: [5GB]\n", "f.yaml:1:8: \"cache\" takes settings below it, not a list"},
        {"[a, b]\n", "f.yaml:1:1: the file must hold settings, not a list"},
        {"hello\n", "f.yaml:1:1: the file must hold settings such as \"listen: 8090\""},
        {"? {a: b}\n: 1\n", "f.yaml:1:3: a key must be a plain name"},
        {"listen: &x 1\n",
         "f.yaml:1:9: anchors and aliases (& and *) are not supported here; "
         "write the value out"},
        {"cache: &x {max_size: 1GB}\n",
         "f.yaml:1:8: anchors and aliases (& and *) are not "
         "supported here; write the value out"},
        {"listen: !!str 1\n", "f.yaml:1:9: tags (!) are not supported here"},
        {"listen: 1\n---\nlisten: 2\n", "f.yaml: holds more than one document; remove the ---"}};
    for (const auto& [text, problem] : table) {
        EXPECT_THAT(problems_of(text), ElementsAre(problem)) << text;
    }
}

TEST(YamlSource, AWrongPartDoesNotHideTheRest) {
    const auto source = read_yaml("f.yaml",
                                  "cahce: {max_size: {a: [1, {b: c}]}}\n"
                                  "log:\n  lvel: info\n  format: json\n"
                                  "? [x]\n: {listen: 1}\n"
                                  "threads: 4\n");
    EXPECT_EQ(source.problems.size(), 3U);
    ASSERT_EQ(source.given.size(), 2U);
    EXPECT_EQ(source.given[0].key, "log.format");
    EXPECT_EQ(source.given[1].key, "threads");
}

TEST(YamlSource, SyntaxErrorsHaveTheirPlace) {
    for (const auto* const text : {"listen: 1\n bad: 2\n", "\tlog: 1\n", "log: {level: info\n",
                                   "a: b: c\n", "log: \"\\q\"\n", "b: *none\n"}) {
        const auto problems = problems_of(text);
        ASSERT_FALSE(problems.empty()) << text;
        EXPECT_THAT(problems.back(), ::testing::MatchesRegex("f.yaml:[0-9]+:[0-9]+: .+")) << text;
    }
}

TEST(YamlSource, HostileFilesAreCheap) {
    std::string laughs = "a: &a [x, x, x]\n";
    for (char c = 'b'; c < 'k'; ++c) {
        laughs += std::string(1, c) + ": &" + c + " [*" + char(c - 1) + ", *" + char(c - 1) + "]\n";
    }
    EXPECT_THAT(problems_of(laughs), Contains(HasSubstr("anchors and aliases")));
    EXPECT_THAT(problems_of(std::string(500'000, '[')), Contains(HasSubstr("nested too deeply")));
    EXPECT_THAT(problems_of(std::string(500'000, '{')), Contains(HasSubstr("nested too deeply")));
    std::string many;
    for (int i = 0; i < 20'000; ++i) many += "k" + std::to_string(i) + ": 1\n";
    const auto problems = problems_of(many);
    EXPECT_EQ(problems.size(), 51U);
    EXPECT_THAT(problems.back(), HasSubstr("too many problems"));
}

TEST(YamlSource, NothingFromTheFileReachesTheTerminal) {
    for (const auto& problem :
         problems_of("\"\\e]0;x\\a\": 1\nlog: {\"\\e[2J\": 1}\na: \"\\\x9b\"")) {
        EXPECT_EQ(problem.find('\033'), std::string::npos) << problem;
        EXPECT_EQ(problem.find('\x9b'), std::string::npos) << problem;
    }
}

}  // namespace
}  // namespace hubkeep
