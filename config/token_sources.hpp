#pragma once
// Where service tokens come from: the settings, the environment, systemd and `hubkeep token set`.
// Tokens for some repos stand first, those of the settings before those that were stored; the
// default stands last and comes from the first of: upstream.token_file, upstream.token_command,
// HF_TOKEN, HF_TOKEN_FILE, the systemd credential hf-token, what was stored as "default". Reads
// files and runs commands, so it blocks; any thread that may.

#include <string>
#include <vector>

#include "config/token.hpp"

namespace hubkeep {

struct FoundTokens {
    struct Problem {
        std::string_view key;  // of the setting that named it, "" when none did
        std::string message;   // follows the key
    };
    std::vector<ServiceToken> tokens;
    std::vector<Problem> problems;
    std::vector<std::string> notices;  // sentences to log
};

// Everything is looked at, also after a problem.
FoundTokens find_service_tokens(const Settings& settings, const Environment& environment,
                                const EnvironmentTokens& from_environment);

}  // namespace hubkeep
