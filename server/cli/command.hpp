#pragma once
// A verb of the command line. main_cli.cpp makes one object per verb before parsing, and runs the
// one that was asked for; all on the main thread, before any other exists.

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <expected>
#include <string>

#include "config/flags.hpp"
#include "config/load.hpp"

namespace hubkeep {

// What scripts may rely on; 78 is EX_CONFIG of sysexits.h.
enum ExitCode : int {
    exit_ok = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_denied = 5,
    exit_config = 78
};

// What the process was started with, tokens apart from the rest.
struct ProcessInput {
    Environment environment;
    EnvironmentTokens tokens;
};

class Command {
  public:
    explicit Command(CLI::App& app) : app_(app) {}
    virtual ~Command() = default;
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    virtual std::string help() const = 0;
    virtual int run(const ProcessInput& input) = 0;
    CLI::App& app() { return app_; }

  private:
    CLI::App& app_;  // the root CLI::App's, which outlives the commands
};

// Where the settings of this command line come from. `file` stands for --config where a command
// takes the file as its argument.
LoadInput load_input(const SettingFlags& flags, const ProcessInput& input,
                     const std::optional<std::string>& file = {});

// The settings in force; when there are problems they are printed and the exit code is returned.
std::expected<Loaded, int> load_or_explain(const LoadInput& load);
std::expected<Loaded, int> load_or_explain(const SettingFlags& flags, const ProcessInput& input);
// For verbs that only talk to the daemon or change a file: see LoadInput::with_secrets.
std::expected<Loaded, int> load_without_secrets(const SettingFlags& flags,
                                                const ProcessInput& input);

// For verbs that write into data_dir. Root does not make it: it would be a folder that the daemon's
// user cannot enter.
Result<void> prepare_data_dir(const std::string& data_dir);

// Of the flags and of where else settings come from; ends the help of a command.
std::string help_on_sources();

}  // namespace hubkeep
