#pragma once
// Small files with secrets that hubkeep itself writes into data_dir. They are readable by their
// owner alone, and there as a whole or not at all. Calls block; any thread, any process: who reads,
// changes and writes holds the lock meanwhile.

#include <string_view>

#include "common/file.hpp"

namespace hubkeep {

// Written beside `path`, synced, and renamed over it; mode 0600. Root writes it for the owner of
// the folder, who is to read it.
Result<void> write_private_file(const fs::path& path, std::string_view content);

// Held until the result goes. Fails with `limited` when somebody else holds it. The lock is a file
// beside `path`, which stays.
Result<File> lock_private_file(const fs::path& path);

}  // namespace hubkeep
