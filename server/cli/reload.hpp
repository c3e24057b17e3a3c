#pragma once
// `hubkeep reload`, and what every verb does that changed a file which the daemon reads: it tells
// the daemon, if one runs, and says what became of it.

#include <string_view>

#include "server/cli/command.hpp"

namespace hubkeep {

// Prints on standard error how it went, in sentences about `what`, "the token". Returns the exit
// code: 0 also when no daemon runs, because it reads the file at its start; 1 when it could not be
// told or refused.
int reload_daemon(const Loaded& loaded, std::string_view what);

class ReloadCommand : public Command {
  public:
    explicit ReloadCommand(CLI::App& root);
    std::string help() const override;
    int run(const ProcessInput& input) override;

  private:
    SettingFlags flags_;
};

}  // namespace hubkeep
