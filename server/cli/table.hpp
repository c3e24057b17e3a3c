#pragma once
// A table on standard output: columns as wide as they need to be. Main thread.

#include <string>
#include <vector>

namespace hubkeep {

// The first row is the heading; all have as many columns. An empty cell becomes "-".
void print_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace hubkeep
