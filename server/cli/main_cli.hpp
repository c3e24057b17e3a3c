#pragma once
// The command line from start to end: takes the tokens out of the environment before anything else,
// finds the verb and runs it. Errors are printed on standard error, results on standard output.

#include "server/cli/serve.hpp"

namespace hubkeep {

// Returns the exit code of the process. `envp` is main()'s own array; its tokens are overwritten.
int run_cli(int argc, char** argv, char** envp, const ServeFunction& serve);

}  // namespace hubkeep
