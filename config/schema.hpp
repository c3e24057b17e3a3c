#pragma once
// The one table of settings. Flags, variables, keys of the file, help, `config show` and
// `config init` are all made from it, so none of them can be forgotten. The default of a setting
// is what a new Settings holds. Constant after the first call; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "config/settings.hpp"

namespace hubkeep {

struct Setting {
    std::string_view key;     // "cache.max_size"
    std::string_view help;    // sentences
    std::string value_name;   // "SIZE", "json|text"
    bool reloadable = false;  // SIGHUP reads what it names again
    bool is_list = false;     // its text is "a, b"; a sequence in the file
    bool is_records = false;  // its text is a YAML list of maps, see records.hpp
    // Fails in words that follow the name of the setting, and changes nothing then.
    Result<void> (*read)(Settings& settings, std::string_view text) = nullptr;
    std::string (*write)(const Settings& settings) = nullptr;

    std::string_view section() const;  // "cache", empty at the top
    std::string_view name() const;     // "max_size"
    std::string flag() const;          // "--cache-max-size"
    std::string variable() const;      // "HUBKEEP_CACHE_MAX_SIZE"
    bool is_path() const { return value_name == "FILE" || value_name == "FOLDER"; }
    bool is_boolean() const { return value_name == "true|false"; }
};

// In the order of help; the settings of a section stand together.
const std::vector<Setting>& schema();
// Nothing when there is no such key.
const Setting* find_setting(std::string_view key);
bool is_section(std::string_view name);

}  // namespace hubkeep
