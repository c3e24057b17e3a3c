#pragma once
// Who may read what is not public at the Hub, as the settings have it, in a sentence for people:
// for the start, for `hubkeep doctor` and for the warning that the answer is "anybody". Pure.

#include <string>

#include "config/settings.hpp"

namespace hubkeep {

// Clients from every address are let in without a key.
bool lets_everybody_in(const ClientsSettings& clients);

// What a service token opens is open to other machines, for clients that have shown nothing.
bool is_exposed(const Settings& settings, bool has_token);

// "127.0.0.1", "::1", "localhost".
bool is_loopback(const std::string& host);

// "every client that reaches this address may read what they open". `has_token`: there is at least
// one service token; "they" are these.
std::string who_may_read(const Settings& settings, bool has_token);

}  // namespace hubkeep
