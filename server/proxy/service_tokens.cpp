#include "server/proxy/service_tokens.hpp"

#include <algorithm>

#include "server/hub/errors.hpp"
#include "server/proxy/patterns.hpp"
#include "server/proxy/revisions.hpp"

namespace hubkeep {
namespace {

constexpr int too_many_requests = 429;

Credential as_credential(const ServiceToken& token) {
    return {Credential::Kind::service, token.token};
}

bool is_default(const ServiceTokens::Line& line) {
    return line.token.name == default_token_name;
}

}  // namespace

std::string_view name_of(ServiceTokens::State state) {
    switch (state) {
        case ServiceTokens::State::unknown: return "unknown";
        case ServiceTokens::State::valid: return "valid";
        case ServiceTokens::State::refused: return "refused";
    }
    return "";
}

ServiceTokens::ServiceTokens(std::vector<ServiceToken> tokens, Log& log) : log_(log) {
    replace(std::move(tokens));
}

void ServiceTokens::replace(std::vector<ServiceToken> tokens) {
    const std::lock_guard lock(mutex_);
    std::vector<Line> lines;
    for (auto& token : tokens) {
        const auto is_same = [&](const Line& line) {
            return line.token.token.equals(token.token.reveal());
        };
        const auto old = std::ranges::find_if(lines_, is_same);
        Line line = old == lines_.end() ? Line{} : *old;
        line.token = std::move(token);
        lines.push_back(std::move(line));
    }
    lines_ = std::move(lines);
}

Credential ServiceTokens::credential_for(const RepoId& repo) const {
    const std::lock_guard lock(mutex_);
    const auto is_for = [&](const Line& line) { return repo_matches(line.token.repos, repo); };
    const auto found = std::ranges::find_if(lines_, is_for);
    return found == lines_.end() ? Credential() : as_credential(found->token);
}

Credential ServiceTokens::credential() const {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(lines_, is_default);
    return found == lines_.end() ? Credential() : as_credential(found->token);
}

// A 429 and what is above 499 say nothing about the token, nor does a 401 for another reason.
std::optional<std::string> ServiceTokens::judge(const Credential& credential,
                                                const ResponseHead& head) {
    const auto get = [&](std::string_view name) { return head.headers.get(name); };
    const auto cause = refusal_of_token(head.status, get);
    const bool is_good =
        head.status < 500 && head.status != 401 && head.status != too_many_requests;
    if (!cause && !is_good) return std::nullopt;
    const auto state = cause ? State::refused : State::valid;
    std::optional<std::string> refused;
    const std::lock_guard lock(mutex_);
    for (auto& line : lines_) {
        if (!line.token.token.equals(credential.token.reveal())) continue;
        if (cause && !refused) refused = line.token.name;
        const auto before = std::exchange(line.state, state);
        if (before == state) continue;
        line.since = unix_now();
        line.cause = cause.value_or("");
        if (cause) {
            log_.warn("the Hub refuses a service token; see hubkeep token status",
                      {{"token", line.token.name}, {"cause", line.cause}});
        } else if (before == State::refused) {
            log_.info("the Hub takes the service token again", {{"token", line.token.name}});
        }
    }
    // One that a reload took out meanwhile was still refused.
    return cause && !refused ? std::string("before the reload") : refused;
}

std::vector<ServiceTokens::Line> ServiceTokens::lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
}

bool ServiceTokens::empty() const {
    const std::lock_guard lock(mutex_);
    return lines_.empty();
}

}  // namespace hubkeep
