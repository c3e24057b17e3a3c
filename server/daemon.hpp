#pragma once
// The daemon: builds every part in order, runs until it is told to stop, and takes everything down
// in the opposite order. The map of the program.

#include "config/load.hpp"

namespace hubkeep {

// Serves until SIGTERM or SIGINT; after SIGHUP `load_again` reads the settings once more. Returns
// the exit code: 0 after an orderly stop, 1 when it could not start.
int run_daemon(Loaded loaded, const LoadAgain& load_again);

}  // namespace hubkeep
