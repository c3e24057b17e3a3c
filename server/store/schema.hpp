#pragma once
// The tables of the index. A step, once released, is never edited: a change is one more step at the
// end. `PRAGMA user_version` holds the number of steps that a database has seen. The index is a
// cache of what the Hub and the blobs say, so a step may also empty a table.

#include <cstdint>

#include "server/store/sqlite.hpp"

namespace hubkeep {

// Brings a database up to date, each step in a transaction of its own. corrupt: it is none of ours.
// invalid: a newer hubkeep wrote it, and it is left alone. `last_step` is for tests of later steps.
Result<void> migrate(Database& database, const fs::path& path, std::size_t last_step = SIZE_MAX);

}  // namespace hubkeep
