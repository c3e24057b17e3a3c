#pragma once
// `hubkeep config check|show|init`: what the settings would be, without starting anything.

#include "server/cli/command.hpp"

namespace hubkeep {

// Finds every mistake in a file, the environment and the flags; 78 when there is one.
class ConfigCheckCommand : public Command {
  public:
    explicit ConfigCheckCommand(CLI::App& config);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
    CLI::Option* file_;
};

// Prints the values in force as a file that could be loaded.
class ConfigShowCommand : public Command {
  public:
    explicit ConfigShowCommand(CLI::App& config);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
    CLI::Option* origin_;
};

// Prints a file with every key and its default.
class ConfigInitCommand : public Command {
  public:
    explicit ConfigInitCommand(CLI::App& config);
    std::string help() const override;
    int run(const ProcessInput& input) override;
};

}  // namespace hubkeep
