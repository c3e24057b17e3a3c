#pragma once
// The token of the admin listener, which asks for it unless it is a socket file. The daemon and the
// verbs of the command line find it at one place: in admin.token_file, else in the file admin-token
// of data_dir, which the daemon makes at its first start. Main thread; blocks.

#include "common/private_file.hpp"
#include "common/secret.hpp"
#include "config/settings.hpp"

namespace hubkeep {

fs::path admin_token_file(const Settings& settings);

// Errors as of read_secret_file().
Result<Secret> read_admin_token(const Settings& settings);

// The same for the daemon, which has data_dir to itself: there it makes the file if there is none.
Result<Secret> read_or_make_admin_token(const Settings& settings);

}  // namespace hubkeep
