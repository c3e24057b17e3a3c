#pragma once
// What the JSON answers of the admin listener are made of. Pure; any thread.

#include <boost/json/value.hpp>
#include <string>

namespace hubkeep {

// null for a text that nobody has told.
inline boost::json::value text_or_null(const std::string& text) {
    return text.empty() ? boost::json::value() : boost::json::value(text);
}

}  // namespace hubkeep
