#pragma once
// A secret from whoever calls the command: typed without being shown on a terminal, else the one
// line of standard input. Blocks. A signal that ends the process meanwhile finds the terminal as it
// was.

#include <string>

#include "common/result.hpp"
#include "common/secret.hpp"

namespace hubkeep {

// `question` is shown on a terminal only. Errors: invalid when it cannot be a token, closed when
// there is no input, io.
Result<Secret> read_secret_input(const std::string& question);

}  // namespace hubkeep
