#include <fmt/format.h>

#include "server/proxy/upstream.hpp"

// What Upstream says about itself and the Hub, to people and to clients.

namespace hubkeep {

std::string Upstream::why_not(const std::optional<Origin>& of_site) const {
    const auto* const endpoint = of_site ? find_site(*of_site) : &hub_;
    return endpoint ? why_not(*endpoint) : "its address was never asked";
}

std::string Upstream::why_not(const Endpoint& endpoint) const {
    if (offline_) return "hubkeep is set to offline";
    const auto cause = endpoint.breaker.cause();
    const auto who = endpoint.kind == Endpoint::Kind::hub ? "the Hub" : endpoint.origin.url();
    return cause.empty() ? who + " does not answer" : who + " does not answer (" + cause + ")";
}

HubError Upstream::limit_of(std::string_view target, const Credential& credential) const {
    const auto head = refusal_by_quota(account_of(hub_, target, credential));
    const auto get = [&](std::string_view name) { return head.headers.get(name); };
    return from_hub(head.status, get, false, false);
}

std::string Upstream::report() const {
    std::string text;
    for (const auto& mirror : mirrors_) {
        auto cause = mirror->breaker.cause();
        if (SteadyClock::now() < mirror->distrusted_until.load()) cause = "it sent wrong bytes";
        text += fmt::format("mirror {} {}\n", mirror->origin.url(),
                            cause.empty() ? "ok" : "degraded: " + cause);
    }
    const auto own = service_token_.empty() ? "" : service_token_.fingerprint();
    for (const auto& line : budget_.snapshot(SteadyClock::now())) {
        // Clients' own tokens have their own quotas, which are no concern of the operator.
        if (!line.account.who.empty() && line.account.who != own) continue;
        text += fmt::format("quota {} at {}: ", line.limit.bucket, line.account.endpoint);
        text += line.closed ? "used up" : fmt::format("{} left", line.limit.left);
        if (line.policy) text += fmt::format(" of {}", line.policy->quota);
        text += fmt::format(" for {} s, {} waiting\n", line.limit.reset_seconds, line.waiting);
    }
    return text;
}

}  // namespace hubkeep
