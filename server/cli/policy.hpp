#pragma once
// `hubkeep policy test`: what the rules in force would say to a client, asked of the running daemon
// over its admin listener.

#include "server/cli/command.hpp"

namespace hubkeep {

class PolicyTestCommand : public Command {
  public:
    explicit PolicyTestCommand(CLI::App& policy);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
    CLI::Option* repo_;
    CLI::Option* client_;
    CLI::Option* file_;
    CLI::Option* revision_;
};

}  // namespace hubkeep
