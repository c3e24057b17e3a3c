#pragma once
// Whose token it is: what the Hub tells on /api/whoami-v2. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>

namespace hubkeep {

// Each "" where the Hub does not say. Printable ASCII: the names are shown on terminals.
struct Account {
    std::string name;
    std::string token_name;  // what its owner called it
    std::string role;        // read, write, fineGrained
    std::string plan;        // "pro", "team", "enterprise", ...
    std::string created_at;  // RFC 3339
    std::string expires_at;  // RFC 3339
};

// Nothing when it is no such document.
std::optional<Account> parse_account(std::string_view document);

}  // namespace hubkeep
