#include <fmt/chrono.h>
#include <fmt/format.h>

#include "server/proxy/upstream.hpp"

// What Upstream says about itself and the Hub, to people and to clients.

namespace hubkeep {
namespace {

std::string utc_time(std::int64_t seconds) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

}  // namespace

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
    return from_hub(head.status, get, false);
}

std::vector<Upstream::Quota> Upstream::quotas() const {
    std::map<std::string, std::string, std::less<>> names{{"", ""}};
    for (const auto& line : tokens_.lines()) {
        names.emplace(line.token.token.fingerprint(), line.token.name);
    }
    std::vector<Quota> quotas;
    for (auto& line : budget_.snapshot(SteadyClock::now())) {
        const auto name = names.find(line.account.who);
        if (name != names.end()) quotas.push_back({std::move(line), name->second});
    }
    return quotas;
}

std::string Upstream::report() const {
    std::string text;
    for (const auto& mirror : mirrors_) {
        auto cause = mirror->breaker.cause();
        if (SteadyClock::now() < mirror->distrusted_until.load()) cause = "it sent wrong bytes";
        text += fmt::format("mirror {} {}\n", mirror->origin.url(),
                            cause.empty() ? "ok" : "degraded: " + cause);
    }
    for (const auto& line : tokens_.lines()) {
        if (line.state != ServiceTokens::State::refused) continue;
        text += fmt::format("token {} refused by the Hub since {} ({}), see hubkeep token status\n",
                            line.token.name, utc_time(line.since), line.cause);
    }
    for (const auto& [line, token] : quotas()) {
        text += fmt::format("quota {} at {}", line.limit.bucket, line.account.endpoint);
        const bool is_other = !token.empty() && token != default_token_name;
        text += is_other ? fmt::format(" with the token {}: ", token) : ": ";
        text += line.closed ? "used up" : fmt::format("{} left", line.limit.left);
        if (line.policy) text += fmt::format(" of {}", line.policy->quota);
        text += fmt::format(" for {} s, {} waiting\n", line.limit.reset_seconds, line.waiting);
    }
    return text;
}

}  // namespace hubkeep
