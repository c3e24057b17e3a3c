#pragma once
// `hubkeep serve`: loads the settings and hands them to the daemon, which this layer does not know.

#include <functional>

#include "server/cli/command.hpp"

namespace hubkeep {

// Runs the daemon to its end and returns the exit code; `load_again` is for its reloads.
using ServeFunction = std::function<int(Loaded loaded, const LoadAgain& load_again)>;

class ServeCommand : public Command {
  public:
    ServeCommand(CLI::App& root, const ServeFunction& serve);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
    const ServeFunction& serve_;
};

}  // namespace hubkeep
