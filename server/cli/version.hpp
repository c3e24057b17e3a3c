#pragma once
// `hubkeep version`, and `hubkeep --version`.

#include "server/cli/command.hpp"

namespace hubkeep {

class VersionCommand : public Command {
  public:
    explicit VersionCommand(CLI::App& root);
    std::string help() const override;
    int run(const ProcessInput& input) override;
};

}  // namespace hubkeep
