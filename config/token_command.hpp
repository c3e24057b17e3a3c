#pragma once
// A command of the operator that prints a token, for instance out of a vault. /bin/sh runs it with
// nothing to read, no descriptor of ours but standard error, and the environment that it is given,
// which has no token. Blocks for 10 s at most; main thread at the start, later any thread that may
// wait.

#include <string>

#include "common/result.hpp"
#include "common/secret.hpp"
#include "config/sources.hpp"

namespace hubkeep {

// The one token that it prints. Errors: invalid when it ends badly or prints something else,
// timed_out, io. None repeats what it printed.
Result<Secret> run_token_command(const std::string& command, const Environment& environment);

}  // namespace hubkeep
