#pragma once
// `hubkeep token set|rm|status`: the tokens that hubkeep shows to the Hub. Setting and removing
// works on tokens.json in data_dir, whether a daemon runs or not; a running one is told. No verb
// prints a token or takes one as an argument, where every user of the machine can see it.

#include "server/cli/command.hpp"

namespace hubkeep {

class TokenSetCommand : public Command {
  public:
    explicit TokenSetCommand(CLI::App& token);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    int check_words() const;

    SettingFlags flags_;
    CLI::Option* name_;
    CLI::Option* misplaced_;
    CLI::Option* repos_;
    CLI::Option* file_;
};

class TokenRemoveCommand : public Command {
  public:
    explicit TokenRemoveCommand(CLI::App& token);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
    CLI::Option* name_;
};

class TokenStatusCommand : public Command {
  public:
    explicit TokenStatusCommand(CLI::App& token);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
    CLI::Option* json_;
};

}  // namespace hubkeep
