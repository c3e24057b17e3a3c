#pragma once
// The service token: what hubkeep shows to the Hub. It comes from a file that only its owner may
// read, or from HF_TOKEN. Variables with tokens are taken out of the process at its start, also out
// of the memory that /proc/PID/environ shows, before any thread exists. No error and no notice
// repeats any part of a token.

#include <string>

#include "common/result.hpp"
#include "common/secret.hpp"
#include "config/settings.hpp"
#include "config/sources.hpp"

namespace hubkeep {

// What must never be printed and so is kept apart from the settings.
struct Secrets {
    Secret service_token;  // empty: none
    Secret webhook;        // empty: no webhook
    Secret proxy_login;    // user:password, empty: none
};

struct EnvironmentTokens {
    Secret hf_token;
    bool has_old_name = false;  // HUGGING_FACE_HUB_TOKEN, which is not used
};

// `envp` is main()'s: the array of the process itself, whose strings are overwritten. Main thread,
// before any other.
EnvironmentTokens take_tokens(char** envp);

// The rest of the environment, for load_settings().
Environment read_environ(char** envp);

// The only content of a file that nobody else may read, without a line end. The same errors.
Result<Secret> read_secret_file(const std::string& path);

// From the file when settings name one, else from the environment, else empty. Errors: denied when
// others may read the file, invalid when the content cannot be a token, not_found, io.
Result<Secret> load_service_token(const Settings& settings, const Secret& from_environment);

}  // namespace hubkeep
