#pragma once
// Pages: what people see who open an address of hubkeep in a browser. It says what this is, where
// the page they meant can be found, and how to get at the files. No scripts, nothing loaded from
// anywhere. Pure; every name in a page comes from a URL and is escaped.

#include <string>
#include <string_view>

#include "server/hub/names.hpp"

namespace hubkeep {

struct HelpPage {
    std::string public_origin;  // of hubkeep as this client sees it
    std::string hub_origin;
    std::string target;  // of the page that was asked for, encoded: "/org/name?x=y"
    RepoId repo;         // its name is "" when the page is about no repo
};

std::string help_html(const HelpPage& page);
std::string help_text(const HelpPage& page);
// True when an Accept header prefers HTML to text: browsers name it, curl and probes do not.
bool accepts_html(std::string_view accept);

std::string escaped_html(std::string_view text);

// For the header Content-Security-Policy of these pages.
inline constexpr std::string_view help_security_policy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

}  // namespace hubkeep
