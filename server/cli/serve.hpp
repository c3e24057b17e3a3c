#pragma once
// `hubkeep serve`: loads the settings and hands them to the daemon, which this layer does not know.

#include <functional>
#include <string>
#include <vector>

#include "server/cli/command.hpp"

namespace hubkeep {

// Runs the daemon to its end and returns the exit code; `notices` are to be logged at its start.
using ServeFunction = std::function<int(const Settings& settings, Secrets secrets,
                                        const std::vector<std::string>& notices)>;

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
