#pragma once
// Settings as text: the commented file of `config init`, and the values in force of `config show`.
// Both are YAML that the loader reads back as the same settings. Pure functions; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace hubkeep {

// config/hubkeep.yaml: every key, out of force, with its default and what it is for.
std::string render_template();
// Every key with its value; with where that was given as a comment when `with_origin`.
std::string render_settings(const Loaded& loaded, bool with_origin);

// Lines of at most `width` bytes, broken at spaces; a longer word gets a line of its own.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

}  // namespace hubkeep
