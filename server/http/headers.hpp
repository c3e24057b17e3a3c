#pragma once
// Header fields in the order they came, names compared without case (RFC 9110 section 5). A few
// dozen entries at most, so a vector beats a map. Also the pure rules about single fields.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/secret.hpp"

namespace hubkeep {

bool iequals(std::string_view a, std::string_view b);

class Headers {
  public:
    using Field = std::pair<std::string, std::string>;

    // The first field of that name, "" when there is none.
    std::string_view get(std::string_view name) const;
    bool has(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    // Values with bytes that would break the message (CR, LF, NUL) are cleaned to spaces.
    void add(std::string_view name, std::string_view value);
    void reserve(std::size_t fields) { fields_.reserve(fields); }
    void set(std::string_view name, std::string_view value);  // replaces all of that name
    void remove(std::string_view name);
    // The first value of that name; all of them are wiped and removed. When `known` has the same
    // text it is returned, with all that was found out about it.
    Secret take_secret(std::string_view name, const Secret& known = {});
    // Hop-by-hop fields and those named in Connection (RFC 9110 section 7.6.1).
    void remove_hop_by_hop();
    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }
    std::size_t size() const { return fields_.size(); }

  private:
    std::vector<Field> fields_;
};

// True when a comma-separated list field contains the token, without case.
bool has_token(std::string_view list, std::string_view token);

// RFC 9110 section 13.1.2: weak comparison of an If-None-Match list with our strong ETag (quoted).
bool if_none_match_hits(std::string_view header, std::string_view etag);
// RFC 9110 section 13.1.5: true when the range may be honoured. Dates never match: we have none.
bool if_range_holds(std::string_view header, std::string_view etag);

// A Content-Disposition with an RFC 8187 name: inline; filename*=UTF-8''x; filename="x";
std::string content_disposition(std::string_view type, std::string_view file_name);

}  // namespace hubkeep
