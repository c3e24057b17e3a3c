#pragma once
// Where settings come from, each read into the same form: texts under keys, with the place to name
// when a text is wrong. Nothing is believed here but the names; load.cpp reads the texts. Values
// are never repeated in a problem, since a token may have been put in the wrong place.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubkeep {

struct Given {
    std::string key;  // one of the schema
    std::string text;
    std::string place;  // "hubkeep.yaml:14:13", "HUBKEEP_LISTEN", "--listen"
};

struct SettingSource {
    std::vector<Given> given;
    std::vector<std::string> problems;  // whole lines, each beginning with its place
    std::vector<std::string> notices;
};

// A file's content as YAML 1.2: maps of plain values, lists of them where a setting is a list, no
// anchors, aliases or tags, 8 levels at most; yaml-cpp's own errors become problems. `name` begins
// each place.
SettingSource read_yaml(const std::string& name, const std::string& content);

using Environment = std::vector<std::pair<std::string, std::string>>;  // name, value

// HUBKEEP_*. An empty value counts as not set. What Kubernetes sets for services named hubkeep is
// left out with one notice; HUBKEEP_CONFIG belongs to load.cpp.
SettingSource read_environment(const Environment& environment);

// " (did you mean "x"?)", or nothing when no name is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace hubkeep
