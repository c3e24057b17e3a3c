#pragma once
// The answer to /api/whoami-v2 for a client that hubkeep knows itself. Pure.

#include <string>
#include <string_view>

namespace hubkeep {

// As much of the Hub's document as clients look at (huggingface_hub: name, orgs, the token's name
// and role); the team stands for an organisation, "" for none.
std::string whoami_document(std::string_view name, std::string_view team);

}  // namespace hubkeep
