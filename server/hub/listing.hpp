#pragma once
// Listings: what hubkeep reads in the JSON documents of the Hub, what it takes out of them, and the
// Link header that leads from one page to the next. Pure functions on values, safe on any thread.
// Errors are `protocol` for what the Hub sent, `invalid` (with the HTTP status as code) for what a
// client sent.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace hubkeep {

// Without every member xetHash and xetEnabled, at any depth: each of them makes clients leave for
// the Xet servers. Everything else keeps its bytes. Fails for what is not JSON, is larger than 64
// MiB or deeper than 100.
std::string strip_xet(std::string checked_json);
// The same for those elements of an array only whose "size" is larger.
std::string strip_xet_above(std::uint64_t size, std::string checked_json);

// What a repo info says about the repo.
struct RepoFacts {
    std::string id;   // "" when it does not say
    std::string sha;  // the commit, "" when it does not say (a query with expand)
    std::optional<bool> is_private;
    std::optional<bool> gated;     // "auto" and "manual" are both true
    std::optional<bool> disabled;  // by the Hub: described still, and closed to everybody
};
Result<RepoFacts> facts_of_info(std::string_view json);
// The same, where the commit must be there.
Result<std::string> commit_of_info(std::string_view json);

// A refs document with the commit that `commit_of` gives for each revision. A branch or a tag goes
// by its name (a tag only when no branch has it), the others by their whole ref ("refs/pr/1").
Result<std::string> with_commits(
    std::string_view refs,
    const std::function<std::string(const std::string& revision, const std::string& commit)>&
        commit_of);

// The URL of rel="next" in a Link header (RFC 8288).
std::optional<std::string> next_link(std::string_view link_header);
// The target of a URL of the Hub, "/api/..."; nothing when it belongs to another origin (scheme,
// host and port) or names credentials. A URL that begins with "/" is the Hub's. `hub_origin` is
// "https://huggingface.co".
std::optional<std::string> target_of_url(std::string_view url, std::string_view hub_origin);
// The Link header for a client: its next page at `public_origin`, absolute and in the one form that
// all clients read; "" when there is none at the Hub. Other relations are left out: they lead to
// Xet.
std::string rewrite_link(std::string_view link_header, std::string_view hub_origin,
                         std::string_view public_origin);

// The paths that a paths-info request asks for, from a form (huggingface_hub) or JSON (JavaScript,
// Rust). Paths that no repo can hold are left out, as the Hub leaves out paths it does not know.
Result<std::vector<std::string>> paths_of_request(std::string_view content_type,
                                                  std::string_view body, bool& expand);

}  // namespace hubkeep
