#pragma once
// `hubkeep doctor`: everything that tends to be wrong, looked at in one go, each with what to do.
// It asks the running daemon what only that can know, and looks at the rest itself. Changes
// nothing.

#include <optional>
#include <string>
#include <vector>

#include "server/cli/command.hpp"

namespace hubkeep {

struct Check {
    enum class Level { ok, warning, problem };
    Level level = Level::ok;
    std::string about;   // "settings"
    std::string what;    // a clause
    std::string remedy;  // a sentence, "" when there is nothing to do
};

class DoctorCommand : public Command {
  public:
    explicit DoctorCommand(CLI::App& root);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
    CLI::Option* json_;
};

}  // namespace hubkeep
