#pragma once
// Settings from everywhere they may come from. For each key the first of these counts: flag,
// environment, file, default. Nothing global is read: the caller hands in the environment, so tests
// can too. Reads files and runs the commands for tokens, so it blocks; changes nothing. Any thread.

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/secret.hpp"
#include "config/settings.hpp"
#include "config/sources.hpp"
#include "config/token.hpp"

namespace hubkeep {

struct LoadInput {
    std::vector<Given> flags;
    Environment environment;
    EnvironmentTokens tokens;
    std::optional<std::string>
        file;  // --config; else HUBKEEP_CONFIG, else default_file if it exists
    std::string default_file = "/etc/hubkeep/hubkeep.yaml";
    bool is_root = false;
    // False for a verb that only talks to the daemon: whoever calls it need not be able to read
    // tokens, and no command is run for them.
    bool with_secrets = true;
};

struct Loaded {
    Settings settings;
    Secrets secrets;
    std::optional<std::string> file;  // the one that was read
    // Where each key was given, for those that were: a place as in Given.
    std::map<std::string, std::string, std::less<>> origins;
    std::vector<std::string> notices;  // sentences to log
};

// Every problem at once, a line each: "hubkeep.yaml:14:3: unknown key ...".
using Problems = std::vector<std::string>;

std::expected<Loaded, Problems> load_settings(const LoadInput& input);
// The same sources read once more: what a reload calls.
using LoadAgain = std::function<std::expected<Loaded, Problems>()>;

}  // namespace hubkeep
