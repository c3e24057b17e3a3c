#include "config/flags.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "config/render.hpp"
#include "config/text.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t help_width = 96;

std::string describe(std::string_view flag, std::string_view value, std::string_view help) {
    auto text = fmt::format("  {} {}\n", flag, value);
    for (const auto& line : wrap(help, help_width - 6)) text += "      " + line + "\n";
    return text;
}

}  // namespace

SettingFlags::SettingFlags(CLI::App& command) {
    // A later flag wins, so that a script may append to flags that are already there.
    config_ = command.add_option("--config")->take_last();
    for (const auto& setting : schema()) {
        auto* const option = command.add_option(setting.flag())->take_last();
        // `--offline` alone means yes.
        if (setting.is_boolean()) option->expected(0, 1);
        options_.emplace_back(&setting, option);
    }
}

std::vector<Given> SettingFlags::given() const {
    std::vector<Given> given;
    for (const auto& [setting, option] : options_) {
        if (option->count() == 0) continue;
        auto text = option->results().back();
        if (setting->is_boolean() && text.empty()) text = "true";
        given.push_back({std::string(setting->key), std::move(text), setting->flag()});
    }
    return given;
}

std::optional<std::string> SettingFlags::config_file() const {
    if (config_->count() == 0) return std::nullopt;
    return config_->results().back();
}

std::string help_on_settings() {
    std::string text = describe("--config", "FILE",
                                "Read settings from this file instead of $HUBKEEP_CONFIG or "
                                "/etc/hubkeep/hubkeep.yaml.");
    for (const auto& setting : schema()) {
        const auto standard = setting.write(Settings{});
        const auto help =
            fmt::format("{} Default: {}. ${} or {} in the file.", setting.help,
                        standard.empty() ? "empty" : standard, setting.variable(), setting.key);
        text += describe(setting.flag(), setting.value_name, help);
    }
    return text;
}

std::vector<std::string> explain_unknown(const std::vector<std::string>& words) {
    std::vector<std::string> names{"config", "help"};
    for (const auto& setting : schema()) names.push_back(setting.flag().substr(2));
    std::vector<std::string> lines;
    for (const auto& word : words) {
        if (!word.starts_with('-')) continue;
        // Only the name: the value may be a secret.
        const auto flag = word.substr(0, word.find('='));
        const auto dashes = std::min(flag.find_first_not_of('-'), flag.size());
        const auto meant = nearest(std::string_view(flag).substr(dashes), names);
        lines.push_back(
            fmt::format("unknown flag {}{}", in_quotes(flag),
                        meant.empty() ? "" : fmt::format(" (did you mean --{}?)", meant)));
    }
    if (lines.empty() && !words.empty()) {
        lines.push_back("unexpected argument " + in_quotes(words.front()));
    }
    return lines;
}

}  // namespace hubkeep
