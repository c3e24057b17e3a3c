#include "config/render.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/records.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t file_width = 98;

constexpr std::string_view preface =
    "# Settings of hubkeep. Every key is here with its default: take away the # in front of a key "
    "to\n"
    "# change it. A flag (--cache-max-size 2TB) and the environment (HUBKEEP_CACHE_MAX_SIZE=2TB) "
    "count\n"
    "# before this file. Sizes: 500GB, 1.5TiB, 85%. Times: 250ms, 60s, 10m, 24h, 7d.\n"
    "# `hubkeep config check FILE` names every mistake, `hubkeep config show` the values in "
    "force.\n";

std::string yaml_value(const Setting& setting, const std::string& text) {
    if (setting.is_records) return text;
    if (!setting.is_list) return yaml_text(text);
    auto items = split_list(text);
    for (auto& item : items) item = yaml_text(item);
    return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string help_lines(const Setting& setting, std::string_view indent) {
    const auto reload = setting.reloadable ? " SIGHUP reads the file again." : "";
    const auto help = fmt::format("{}{} ({})", setting.help, reload, setting.value_name);
    std::string text;
    for (const auto& line : wrap(help, file_width - indent.size() - 2)) {
        text += fmt::format("{}# {}\n", indent, line);
    }
    return text;
}

// The line that opens the section of a setting, when it is not open yet.
std::string open_section(const Setting& setting, std::string_view& open) {
    if (setting.section() == open) return "";
    open = setting.section();
    return fmt::format("{}:\n", open);
}

std::string origin_of(const Loaded& loaded, const Setting& setting) {
    const auto origin = loaded.origins.find(setting.key);
    return origin == loaded.origins.end() ? "default" : origin->second;
}

}  // namespace

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    while (text.size() > width) {
        auto end = text.rfind(' ', width);
        if (end == std::string_view::npos) end = text.find(' ');
        if (end == std::string_view::npos) break;
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    lines.emplace_back(text);
    return lines;
}

std::string render_template() {
    std::string text(preface);
    std::string_view section;
    for (const auto& setting : schema()) {
        text += '\n' + open_section(setting, section);
        const std::string_view indent = section.empty() ? "" : "  ";
        text += help_lines(setting, indent);
        text += fmt::format("{}#{}: {}\n", indent, setting.name(),
                            yaml_value(setting, setting.write(Settings{})));
    }
    return text;
}

std::string render_settings(const Loaded& loaded, bool with_origin) {
    std::string text;
    std::string_view section;
    for (const auto& setting : schema()) {
        text += open_section(setting, section);
        auto line = fmt::format("{}{}: {}", section.empty() ? "" : "  ", setting.name(),
                                yaml_value(setting, setting.write(loaded.settings)));
        if (with_origin) line = fmt::format("{:<44} # {}", line, origin_of(loaded, setting));
        text += line + "\n";
    }
    return text;
}

}  // namespace hubkeep
