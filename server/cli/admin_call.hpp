#pragma once
// One request to the admin listener of a running hubkeep, blocking; for the verbs of the command
// line. It finds the listener and its token where the daemon with the same settings has them.
// Errors: unreachable (with what to look for), denied (the token is wrong, or may not be read),
// timed_out, protocol.

#include <string>
#include <string_view>

#include "common/result.hpp"
#include "config/load.hpp"

namespace hubkeep {

struct AdminAnswer {
    int status = 0;
    std::string body;
};

Result<AdminAnswer> call_admin(const Loaded& loaded, std::string_view method, std::string_view path,
                               std::string body);

}  // namespace hubkeep
