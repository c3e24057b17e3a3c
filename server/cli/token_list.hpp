#pragma once
// The service tokens as `hubkeep token status` and `hubkeep doctor` show them: what the running
// daemon tells (GET /tokens), or what a start would find. Never the tokens. Main thread.

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "config/load.hpp"

namespace hubkeep {

// One line; "" where it is not known.
struct ListedToken {
    std::string name;
    std::string repos;
    std::string where;
    std::string fingerprint;
    std::string state;  // unknown, valid, refused
    std::string cause;
    std::string account;  // whose it is
    std::string role;
    std::string plan;
    std::string expires_at;
    std::string quota;          // "2990 of 3000 resolvers"
    std::string account_error;  // why the Hub does not say whose it is
};

struct TokenList {
    std::vector<ListedToken> tokens;
    std::string json;  // the same for programs
};

// Errors as call_admin().
Result<TokenList> ask_for_tokens(const Loaded& loaded);
TokenList list_of(const std::vector<ServiceToken>& tokens);

void print_tokens(const TokenList& list);
void print_json(const TokenList& list);

}  // namespace hubkeep
