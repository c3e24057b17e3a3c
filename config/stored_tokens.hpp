#pragma once
// Tokens that `hubkeep token set` stored: tokens.json in data_dir, readable by its owner alone and
// replaced as a whole. The command line writes it, the daemon reads it at its start and when it
// reloads. Calls block; any thread.

#include <string>
#include <vector>

#include "common/private_file.hpp"
#include "common/result.hpp"
#include "common/secret.hpp"

namespace hubkeep {

struct StoredToken {
    std::string name;                // see is_token_name()
    std::vector<std::string> repos;  // globs; empty for the one named "default" only
    Secret token;
};

inline constexpr std::size_t max_stored_tokens = 100;

fs::path stored_tokens_file(const std::string& data_dir);

// In the order in which they were set; none when there is no file. Errors: denied when others may
// read it, corrupt when it was not written by write_stored_tokens(), io.
Result<std::vector<StoredToken>> read_stored_tokens(const std::string& data_dir);

// Whoever reads, changes and writes holds lock_private_file(stored_tokens_file()).
Result<void> write_stored_tokens(const std::string& data_dir,
                                 const std::vector<StoredToken>& tokens);

}  // namespace hubkeep
