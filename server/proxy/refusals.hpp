#pragma once
// Refusals: what the Hub said no to a moment ago, so that the next one who asks the same with the
// same credential is told without asking again. Only words of the Hub come in here, never a
// failure to reach it. In memory, bounded, for `negative_ttl`; any thread.

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "config/settings.hpp"
#include "server/hub/errors.hpp"
#include "server/proxy/upstream.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

class Refusals {
  public:
    // A ttl of 0 means that the Hub is always asked, here as well.
    explicit Refusals(const RevisionSettings& settings)
        : ttl_(settings.ttl.count() == 0 ? settings.ttl : settings.negative_ttl) {}

    // What the answer would be about. A gated repo refuses its files and describes itself.
    enum class About { files, documents };

    std::optional<HubError> recall(const Scope& scope, const Credential& credential, About about,
                                   const std::string& revision);
    // Takes only what holds for more than the one thing asked for. Without a revision ("") nothing
    // is learnt about revisions.
    void remember(const Scope& scope, const Credential& credential, About about,
                  const std::string& revision, const HubError& error);
    // The repo has changed: the next one asks again.
    void forget(const Scope& scope);

  private:
    struct Row {
        HubError error;
        TimePoint until;
    };

    const SteadyClock::duration ttl_;
    std::mutex mutex_;
    std::map<std::string, Row> rows_;  // ordered, so that those of a repo stand together
};

}  // namespace hubkeep
