#pragma once
// One request to the admin listener of a running hubkeep, blocking; for the verbs of the command
// line. Errors: unreachable (with what to look for), timed_out, protocol.

#include <string>
#include <string_view>

#include "common/result.hpp"
#include "config/settings.hpp"

namespace hubkeep {

struct AdminAnswer {
    int status = 0;
    std::string body;
};

Result<AdminAnswer> call_admin(const HostPort& listen, std::string_view method,
                               std::string_view path, std::string body);

}  // namespace hubkeep
