#pragma once
// The flags of a command that needs settings: --config and one flag per setting. One object per
// command line, made before parsing and read after it, on the main thread.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/schema.hpp"
#include "config/sources.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace hubkeep {

class SettingFlags {
  public:
    // Adds them to the command, which must outlive this object.
    explicit SettingFlags(CLI::App& command);

    std::vector<Given> given() const;
    std::optional<std::string> config_file() const;

  private:
    std::vector<std::pair<const Setting*, CLI::Option*>> options_;
    CLI::Option* config_ = nullptr;
};

// Each flag with what it does, its default and its other names.
std::string help_on_settings();
// What is wrong with words that no flag took, each a line: "unknown flag --listn (did you mean
// ...".
std::vector<std::string> explain_unknown(const std::vector<std::string>& words);

}  // namespace hubkeep
