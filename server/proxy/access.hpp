#pragma once
// Access: the gate. Every request about a repo passes it, whatever is cached: it decides whether
// this visitor may have it, with whose credential the Hub is asked, and with whom the answers are
// shared. In this order: is the key for this repo; does the operator's policy deny it; is it public
// at the Hub; if not, how is it shared: with all who may use hubkeep (`shared`), with those whose
// own Hub token opens it (`verify`), or with nobody (`deny`). What a visitor who proved nothing may
// see of a gated repo is what the Hub shows him himself: its description, and no file.
//
// With a service token for the repo, all who are let in are one group ("service"). Without one a
// client's own token is passed to the Hub, and what it opened is kept apart under the token's
// fingerprint, unless the repo is public. Any thread.

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "server/hub/route.hpp"
#include "server/proxy/aliases.hpp"
#include "server/proxy/answers.hpp"
#include "server/proxy/policy.hpp"
#include "server/proxy/proofs.hpp"
#include "server/proxy/revisions.hpp"
#include "server/proxy/standings.hpp"

namespace hubkeep {

struct Caller {
    Credential credential;
    std::string access;  // see Scope::access
};

class Access {
  public:
    Access(Upstream& upstream, Index& index, Aliases& aliases, Revisions& revisions,
           const Settings& settings);
    // From the next request on.
    void replace(const Settings& settings);
    // The service tokens are others now.
    void credentials_changed() { standings_.forget_unseen(); }

    // Nothing when it refuses, or has to look further: then admit() says which.
    std::optional<Caller> admit_now(IoThread& thread, const Visitor& visitor, const Route& route);
    Task<Outcome<Caller>> admit(IoThread& thread, const Visitor& visitor, const Route& route);
    // For what is about no repo. The Hub may answer it differently to each account, so the service
    // token is used only when all that it opens is shared with everybody.
    Caller admit_alone(const Visitor& visitor) const;
    // For what the operator or the Hub asks for.
    Caller for_operator(const RepoId& repo) const;

    // The same decision in words, without asking for a proof.
    struct Explanation {
        Asked asked;
        bool key_excludes = false;
        Ruling policy;
        SharingRuling sharing;
        std::optional<Visibility> visibility;  // nothing: the Hub cannot be asked and never told
        bool has_service_token = false;
    };
    Task<Explanation> explain(IoThread& thread, const Visitor& visitor, const Route& route);

    enum class Reason { key, policy, sharing, proof, unproven_offline };
    static constexpr std::size_t reasons = 5;
    // How many requests were refused for each, since the start.
    std::array<std::uint64_t, reasons> refusals() const;

  private:
    struct Rules {
        AccessSettings access;
        PolicySettings policy;
        bool name_repos = false;  // some rule looks at names
        // Branches and tags that some rule looks at, and whether some has a pattern for them.
        std::set<std::string> revision_names;
        bool revision_globs = false;
        bool all_shared = false;
    };
    std::shared_ptr<const Rules> rules() const;
    Task<Outcome<Asked>> asked_for(IoThread& thread, const Rules& rules, const Visitor& visitor,
                                   const Route& route);
    std::vector<std::string> names_of(IoThread& thread, const Rules& rules, const Visitor& visitor,
                                      const RepoId& repo, const std::string& revision);
    // `ours` is what for_operator() has for the repo.
    Task<Caller> shared_caller(IoThread& thread, const Visitor& visitor, RepoId repo, Caller ours);
    struct Closed {
        Asked asked;
        SharingRuling sharing;
        std::optional<Standings::Standing> standing;
        std::shared_ptr<const Rules> rules;
    };
    Task<Outcome<Caller>> admit_to_closed(IoThread& thread, const Visitor& visitor,
                                          const Route& route, const Closed& closed);
    static Caller own_caller(const Visitor& visitor);
    static Caller own_caller(const Visitor& visitor, bool is_open);
    std::unexpected<Refusal> refuse_for(Reason reason, HubError error, std::string rule);

    Upstream& upstream_;
    Index& index_;
    Aliases& aliases_;
    Revisions& revisions_;
    Standings standings_;
    Proofs proofs_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Rules> rules_;  // under mutex_
    std::array<std::atomic<std::uint64_t>, reasons> refusals_{};
};

std::string_view name_of(Access::Reason reason);

}  // namespace hubkeep
