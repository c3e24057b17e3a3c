#pragma once
// ServiceTokens: what hubkeep shows to the Hub, by repo, and what the Hub thinks of each. One for
// the process, owned by the daemon; any thread. A reload swaps all of them at once: a request under
// way ends with the one it began with.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/log.hpp"
#include "config/token.hpp"
#include "server/http/head.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/hub_request.hpp"

namespace hubkeep {

class ServiceTokens {
  public:
    enum class State { unknown, valid, refused };
    struct Line {
        ServiceToken token;
        State state = State::unknown;
        std::int64_t since = 0;  // Unix seconds of the last change, 0 when unknown
        std::string cause;       // of a refusal: the Hub's words
    };

    ServiceTokens(std::vector<ServiceToken> tokens, Log& log);

    // A token that was there before keeps what is known of it, under whatever name.
    void replace(std::vector<ServiceToken> tokens);

    // Of the first token whose patterns match; kind none when there is none.
    Credential credential_for(const RepoId& repo) const;
    // For what is about no repo: the default's.
    Credential credential() const;

    // The Hub answered a request that carried it. What is told: the name of the token, when the Hub
    // refused it.
    std::optional<std::string> judge(const Credential& credential, const ResponseHead& head);

    std::vector<Line> lines() const;
    bool empty() const;

  private:
    mutable std::mutex mutex_;
    std::vector<Line> lines_;
    Log& log_;
};

std::string_view name_of(ServiceTokens::State state);

}  // namespace hubkeep
