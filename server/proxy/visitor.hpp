#pragma once
// Visitor: who asks. Found once per request by Clients::identify() (clients.hpp) and handed on by
// the Proxy; a value.

#include <memory>
#include <string>
#include <vector>

#include "common/secret.hpp"

namespace hubkeep {

class ClientUse;

struct Visitor {
    // What vouches for the name: nothing but the network it comes from, a reverse proxy, a
    // certificate, a key of hubkeep.
    enum class By { address, header, certificate, key };

    By by = By::address;
    std::string name;  // "" for an anonymous one
    std::string team;  // "" for none
    // The client's own token for the Hub. A key of hubkeep is never here: what is, may be sent to
    // the Hub.
    Secret hub_token;
    std::vector<std::string> repos;  // globs that the key is good for; empty: all
    bool from_web_page = false;      // a page in a browser sent the request
    std::string key;                 // the first digits of its digest, "" without one
    std::shared_ptr<ClientUse> use;  // of a key: what its limits count; null for the others

    // For logs and rules.
    std::string describe() const { return name.empty() ? "anonymous" : name; }
};

}  // namespace hubkeep
