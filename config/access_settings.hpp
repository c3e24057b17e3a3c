#pragma once
// The part of Settings that says who may read what: rules as the operator writes them, as plain
// values. What they mean is in server/proxy (policy.hpp, access.hpp, clients.hpp).
//
// Repos are globs over "org/name" of every kind, and over "datasets/org/name"; case does not count.
// Clients are globs over names, "team:NAME", or "anonymous". An empty list means all.

#include <chrono>
#include <string>
#include <vector>

namespace hubkeep {

// For what is not public at the Hub. shared: whoever may use hubkeep may read what the service
// token can. verify: a client has to prove access with its own token. deny: nobody may.
enum class Sharing { shared, verify, deny };

struct AccessRule {
    std::string name;
    std::vector<std::string> repos;
    std::vector<std::string> kinds;  // model, dataset, space, kernel
    std::vector<std::string> files;  // globs over paths; listings are not concerned then
    std::vector<std::string> clients;
    Sharing sharing = Sharing::shared;
    std::string message;
    bool operator==(const AccessRule&) const = default;
};

struct AccessSettings {
    Sharing sharing = Sharing::shared;  // where no rule matches
    std::vector<AccessRule> rules;      // the first that matches counts
    std::chrono::milliseconds verify_ttl{900'000};
    std::chrono::milliseconds verify_grace{86'400'000};  // when the Hub cannot be asked
    std::chrono::milliseconds verify_negative_ttl{30'000};
    std::string contact;  // ends every refusal, "" for none
    bool operator==(const AccessSettings&) const = default;
};

enum class PolicyAction { allow, deny };

struct PolicyRule {
    std::string name;
    PolicyAction action = PolicyAction::deny;
    std::vector<std::string> repos;
    std::vector<std::string> kinds;
    std::vector<std::string> revisions;  // globs
    std::vector<std::string> files;
    std::vector<std::string> clients;
    std::string message;
    bool operator==(const PolicyRule&) const = default;
};

struct PolicySettings {
    std::vector<PolicyRule> rules;  // the first that matches counts; without one all is allowed
    bool operator==(const PolicySettings&) const = default;
};

// For names that come from a reverse proxy or a certificate; keys have a team of their own.
struct Team {
    std::string name;
    std::vector<std::string> members;  // globs over client names
    bool operator==(const Team&) const = default;
};

struct ClientsSettings {
    std::vector<std::string> anonymous{"0.0.0.0/0", "::/0"};  // networks that need no key
    std::vector<std::string> proxies;                         // networks of reverse proxies
    std::string header;  // in which they name the user, "" for none
    std::vector<Team> teams;
    bool operator==(const ClientsSettings&) const = default;
};

// One of several service tokens, for the repos that match; exactly one of the last three is given.
struct TokenSetting {
    std::string name;  // what logs, metrics and `hubkeep token status` call it
    std::vector<std::string> repos;
    std::string file;
    std::string command;     // for /bin/sh, prints the token
    std::string credential;  // of systemd, a file in $CREDENTIALS_DIRECTORY
    bool operator==(const TokenSetting&) const = default;
};

}  // namespace hubkeep
