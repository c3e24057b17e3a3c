#pragma once
// Tokens and other secrets: how they are read, and what they look like. Service tokens, which
// hubkeep shows to the Hub, come from the places in token_sources.hpp. Variables with tokens are
// taken out of the process at its start, also out of the memory that /proc/PID/environ shows,
// before any thread exists. No error and no notice repeats any part of a token.

#include <string>
#include <vector>

#include "common/file.hpp"
#include "common/result.hpp"
#include "common/secret.hpp"
#include "config/client_keys.hpp"
#include "config/settings.hpp"
#include "config/sources.hpp"

namespace hubkeep {

// The one that counts for every repo that no other is for.
inline constexpr std::string_view default_token_name = "default";

struct ServiceToken {
    std::string name;                // see is_token_name()
    std::vector<std::string> repos;  // globs; empty for the default
    Secret token;
    std::string where;  // where it came from: "file /run/secrets/llama"
};

// What must never be printed and so is kept apart from the settings.
struct Secrets {
    std::vector<ServiceToken> service_tokens;  // the first that matches counts
    Secret webhook;                            // empty: no webhook
    Secret proxy_login;                        // user:password, empty: none
    Secret admin;                              // of admin.token_file, empty: see admin_token.hpp
    std::vector<ClientKey> client_keys;
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

// Who may be able to read a file with a secret. group: also its group, in a folder that something
// else guards.
enum class Readers { owner, group };

// Errors: denied when others may read or change it, not_found, invalid when it is longer, io.
Result<std::string> read_private_file(const fs::path& path, std::size_t limit, Readers readers);

// The only content of such a file, without a line end. Also invalid when it cannot be a token.
Result<Secret> read_secret_file(const std::string& path, Readers readers = Readers::owner);

// The same of a file of hubkeep's own, which is made with a random secret (160 bits, in hex) when
// it is not there.
Result<Secret> read_or_make_secret_file(const fs::path& path);

// Without the one line end that editors and `echo` leave; it must fit into a header as it is.
// `where` begins the error, which is of the kind invalid.
Result<Secret> to_token(std::string_view text, std::string_view where);

// What service tokens are called in logs and metrics: 1 to 64 of [A-Za-z0-9._-], and no token.
bool is_token_name(std::string_view name);

}  // namespace hubkeep
