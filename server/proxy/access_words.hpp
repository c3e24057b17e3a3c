#pragma once
// What a visitor is told who may not have what he asked for: one sentence with the rule's name,
// then the rule's own message, then whom to ask. Codes and statuses are the Hub's, so that clients
// raise what they raise there. Pure functions; any thread.

#include <string>
#include <string_view>

#include "server/hub/errors.hpp"
#include "server/proxy/policy.hpp"

namespace hubkeep::words {

// " (rule \"name\")", or nothing for a rule without a name.
std::string by_rule(const std::string& rule);

HubError by_policy(const Asked& asked, const Ruling& ruling, const std::string& contact);
// A key of hubkeep that is for other repos.
HubError by_key(const Asked& asked, const Visitor& visitor, const std::string& contact);
// Sharing is `deny`.
HubError not_shared(const Asked& asked, const SharingRuling& ruling, bool is_gated,
                    const std::string& contact);
// Sharing is `verify`, and nothing was sent to verify.
HubError no_token(const Asked& asked, const SharingRuling& ruling, bool is_gated,
                  const std::string& contact);
// Sharing is `verify`, and the Hub refused the visitor's token.
HubError by_hub(const Asked& asked, const SharingRuling& ruling, bool is_gated,
                const HubError& refusal, const std::string& contact);
// The Hub cannot be asked, and nothing of it is known that is young enough.
HubError unchecked(const Asked& asked, std::string_view why);

}  // namespace hubkeep::words
