#pragma once
// Ballast: a few megabytes that lie in the data folder for bad days. An index cannot be opened on a
// full disk, not even to read; then the ballast is given up, so that a daemon whose disk others
// have filled starts all the same and serves what it has. Used by the daemon's start alone;
// blocking.

#include "common/file.hpp"

namespace hubkeep {

// Lays the ballast down unless it is there; a disk without room for it goes without.
void keep_ballast(const fs::path& data_dir);
// True when there was ballast and its room is free now.
bool give_up_ballast(const fs::path& data_dir);

}  // namespace hubkeep
