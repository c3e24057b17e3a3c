// What hubkeep prints about its settings: the file in the tree is the one it prints, both outputs
// load again as the same settings, and the help leaves no setting out.

#include "config/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fstream>
#include <regex>
#include <sstream>

#include "config/flags.hpp"
#include "folder.hpp"

namespace hubkeep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Settings load_text(const std::string& text) {
    Folder folder;
    LoadInput input;
    input.file = folder.write("h.yaml", text);
    input.environment = {{"HOME", "/home/someone"}};
    auto loaded = load_settings(input);
    if (loaded) return loaded->settings;
    for (const auto& problem : loaded.error()) ADD_FAILURE() << problem;
    return {};
}

Settings defaults() {
    Settings settings;
    settings.data_dir = "/home/someone/.local/share/hubkeep";
    return settings;
}

TEST(Render, TheFileInTheTreeIsTheOnePrinted) {
    const auto path =
        std::filesystem::path(__FILE__).parent_path() / "../../../config/hubkeep.yaml";
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), render_template()) << "make it anew: hubkeep config init";
}

TEST(Render, TheTemplateChangesNothingAndHoldsTheDefaults) {
    const auto text = render_template();
    EXPECT_EQ(load_text(text), defaults());
    // Taking the # away from every key at once must not change anything either.
    const auto in_force = std::regex_replace(text, std::regex("(^|\n)( *)#([a-z_]+: )"), "$1$2$3");
    EXPECT_NE(in_force, text);
    EXPECT_EQ(load_text(in_force), defaults());
    for (const auto& setting : schema()) {
        EXPECT_THAT(text, HasSubstr("#" + std::string(setting.name()) + ": ")) << setting.key;
    }
}

TEST(Render, LinesFit) {
    for (const auto& text : {render_template(), help_on_settings()}) {
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
    }
}

TEST(Render, WhatIsShownLoadsAsTheSame) {
    Loaded loaded;
    loaded.settings = defaults();
    loaded.settings.listen = {"::1", 1};
    loaded.settings.admin.listen = {{"", 2}, {}};
    loaded.settings.data_dir = "/a b/\"c\\: #d/j\xc3\xb6rg";
    loaded.settings.public_url = "https://hub.example:8443";
    loaded.settings.cache.max_size.bytes = 123'456'789;
    EXPECT_EQ(load_text(render_settings(loaded, false)), loaded.settings);
    EXPECT_EQ(load_text(render_settings(loaded, true)), loaded.settings);
    for (const auto* const name : {"null", "~", "- x", "a:", "true", "[x]", "0x1", "'"}) {
        loaded.settings.data_dir = name;
        EXPECT_EQ(load_text(render_settings(loaded, false)).data_dir, name);
    }
}

TEST(Render, OriginsAreShown) {
    Loaded loaded;
    loaded.origins["threads"] = "HUBKEEP_THREADS";
    const auto text = render_settings(loaded, true);
    EXPECT_TRUE(std::regex_search(text, std::regex("threads: 0 +# HUBKEEP_THREADS\n")));
    EXPECT_TRUE(std::regex_search(text, std::regex("ttl: 60s +# default\n")));
}

TEST(Render, HelpNamesEverySettingInEveryForm) {
    const auto help = help_on_settings();
    for (const auto& setting : schema()) {
        EXPECT_THAT(help, HasSubstr("  " + setting.flag() + " " + setting.value_name + "\n"));
        EXPECT_THAT(help, HasSubstr("$" + setting.variable()));
    }
    EXPECT_THAT(help, HasSubstr("  --config FILE\n"));
}

struct Flags {
    CLI::App app;
    SettingFlags flags{app};
    explicit Flags(std::vector<std::string> words) {
        app.allow_extras();
        std::ranges::reverse(words);
        app.parse(words);
    }
    std::vector<std::string> given() const {
        std::vector<std::string> texts;
        for (const auto& it : flags.given())
            texts.push_back(it.place + " " + it.key + "=" + it.text);
        return texts;
    }
};

TEST(Flags, EverySettingHasOne) {
    for (const auto& setting : schema()) {
        EXPECT_THAT(Flags({setting.flag(), "x"}).given(),
                    ElementsAre(setting.flag() + " " + std::string(setting.key) + "=x"));
        EXPECT_THAT(Flags({setting.flag() + "=x"}).given(),
                    ElementsAre(setting.flag() + " " + std::string(setting.key) + "=x"));
    }
    EXPECT_THAT(Flags({}).given(), IsEmpty());
}

TEST(Flags, Forms) {
    EXPECT_THAT(Flags({"--offline"}).given(), ElementsAre("--offline offline=true"));
    EXPECT_THAT(Flags({"--offline", "--threads", "2"}).given(),
                ElementsAre("--offline offline=true", "--threads threads=2"));
    EXPECT_THAT(Flags({"--offline", "false"}).given(), ElementsAre("--offline offline=false"));
    EXPECT_THAT(Flags({"--listen", "1", "--listen", "[::1]:2"}).given(),
                ElementsAre("--listen listen=[::1]:2"));
    EXPECT_EQ(Flags({"--config", "a.yaml"}).flags.config_file(), "a.yaml");
    EXPECT_EQ(Flags({}).flags.config_file(), std::nullopt);
    EXPECT_THROW(Flags({"--listen"}), CLI::ParseError);
}

TEST(Flags, UnknownOnesAreExplainedWithoutTheirValue) {
    Flags line({"--listn", "3", "--banana=hf_value", "-x", "--cache-max-sise=1GB"});
    EXPECT_THAT(explain_unknown(line.app.remaining()),
                ElementsAre("unknown flag \"--listn\" (did you mean --listen?)",
                            "unknown flag \"--banana\"", "unknown flag \"-x\"",
                            "unknown flag \"--cache-max-sise\" (did you mean --cache-max-size?)"));
    EXPECT_THAT(explain_unknown({"stray"}), ElementsAre("unexpected argument \"stray\""));
    EXPECT_THAT(explain_unknown({}), IsEmpty());
}

}  // namespace
}  // namespace hubkeep
