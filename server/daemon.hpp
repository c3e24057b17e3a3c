#pragma once
// The daemon: builds every part in order, runs until it is told to stop, and takes everything down
// in the opposite order. The map of the program.

#include <string>
#include <vector>

#include "config/settings.hpp"
#include "config/token.hpp"

namespace hubkeep {

// Serves until SIGTERM or SIGINT; SIGHUP reads the certificate again. Returns the exit code: 0
// after an orderly stop, 1 when it could not start. `notices` are logged at the start.
int run_daemon(const Settings& settings, Secrets secrets, const std::vector<std::string>& notices);

}  // namespace hubkeep
