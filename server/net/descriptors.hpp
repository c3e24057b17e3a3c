#pragma once
// How many descriptors (files and connections) the process may have open.

#include <cstddef>

namespace hubkeep {

// Asks for all that the system grants, and returns what it got. At the start, once.
std::size_t raise_descriptor_limit();

}  // namespace hubkeep
