#include "server/cli/config.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "config/render.hpp"

namespace hubkeep {
namespace {

// On standard error, so that the output stays a file.
void print_notices(const Loaded& loaded) {
    for (const auto& notice : loaded.notices) fmt::print(stderr, "note: {}\n", notice);
}

}  // namespace

ConfigCheckCommand::ConfigCheckCommand(CLI::App& config)
    : Command(*config.add_subcommand("check")), flags_(app()), file_(app().add_option("FILE")) {}

std::string ConfigCheckCommand::help() const {
    return "Usage: hubkeep config check [FILE] [FLAG...]\n\n"
           "Names every mistake in the settings and ends with 78, or with 0 when there is "
           "none.\n\n" +
           help_on_sources();
}

int ConfigCheckCommand::run(const ProcessInput& input) {
    std::optional<std::string> file;
    if (file_->count() != 0) file = file_->results().back();
    if (file && flags_.config_file()) {
        fmt::print(stderr, "hubkeep config check: name the file once, as FILE or with --config\n");
        return exit_usage;
    }
    const auto loaded = load_or_explain(load_input(flags_, input, file));
    if (!loaded) return loaded.error();
    print_notices(*loaded);
    fmt::print("{}: no mistakes\n", loaded->file.value_or("settings without a file"));
    return exit_ok;
}

ConfigShowCommand::ConfigShowCommand(CLI::App& config)
    : Command(*config.add_subcommand("show")), flags_(app()), origin_(app().add_flag("--origin")) {}

std::string ConfigShowCommand::help() const {
    return "Usage: hubkeep config show [--origin] [FLAG...]\n\n"
           "Prints the settings in force; --origin adds where each was given. The token is not\n"
           "among them.\n\n" +
           help_on_sources();
}

int ConfigShowCommand::run(const ProcessInput& input) {
    const auto loaded = load_or_explain(flags_, input);
    if (!loaded) return loaded.error();
    print_notices(*loaded);
    fmt::print("{}", render_settings(*loaded, origin_->count() != 0));
    return exit_ok;
}

ConfigInitCommand::ConfigInitCommand(CLI::App& config) : Command(*config.add_subcommand("init")) {}

std::string ConfigInitCommand::help() const {
    return "Usage: hubkeep config init > hubkeep.yaml\n\n"
           "Prints a file with every key, its default and what it is for.\n";
}

int ConfigInitCommand::run(const ProcessInput&) {
    fmt::print("{}", render_template());
    return exit_ok;
}

}  // namespace hubkeep
