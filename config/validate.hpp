#pragma once
// What the settings cannot mean together, or cannot mean on this machine: files are looked at,
// nothing is changed and no network is touched. Each finding names the settings it is about, the
// one to change first, so that load.cpp can say where that one was given.

#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace hubkeep {

struct Finding {
    std::vector<std::string_view> keys;
    std::string message;
};

// What makes a start impossible or dangerous.
std::vector<Finding> find_problems(const Settings& settings);
// What works but deserves a look. `has_token`: a service token is set.
std::vector<Finding> find_risks(const Settings& settings, bool has_token);

}  // namespace hubkeep
