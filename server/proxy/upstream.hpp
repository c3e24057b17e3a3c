#pragma once
// Upstream: the way to the Hub and to the mirrors in front of it (mirrors.hpp has the rule whom to
// believe). It alone adds a credential, and only to the configured Hub itself (same scheme, host
// and port); it follows redirects by hand so that this is decided again at each hop. It keeps the
// budget and a breaker per endpoint, and knows `offline`. One for the process; per io thread it
// uses that thread's Client. When the quota does not allow a request within its patience, the
// answer is the 429 that the Hub would give, made here without asking, with the true waiting time.
// When the Hub refuses a service token, the answer is a 530 made here: no client is to blame.
// Errors: unreachable (also when offline or the breaker is open), timed_out, closed, protocol.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/log.hpp"
#include "common/secret.hpp"
#include "config/settings.hpp"
#include "server/hub/errors.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/breaker.hpp"
#include "server/proxy/hub_request.hpp"
#include "server/proxy/service_tokens.hpp"

namespace hubkeep {

class Upstream {
  public:
    // `clients` has one Client per io thread, in their order; they outlive the Upstream.
    Upstream(const Settings& settings, Origin hub, std::vector<Origin> mirrors,
             ServiceTokens& tokens, std::vector<std::unique_ptr<Client>> clients, Log& log);

    Task<Result<HubAnswer>> ask(IoThread& thread, HubRequest request, const Credential& credential,
                                Follow follow);

    // Asks the address to which the Hub led a moment ago: without a credential, a quota, a breaker
    // or the limit on requests to the Hub, and following nothing.
    Task<Result<HubAnswer>> ask_where_led(IoThread& thread, HubRequest request, Url url);

    const Origin& hub() const { return hub_.origin; }
    bool offline() const { return offline_; }
    bool has_service_token() const { return !tokens_.empty(); }
    bool has_service_token(const RepoId& repo) const {
        return service_credential(repo).kind == Credential::Kind::service;
    }
    // Kind none when no service token is for the repo.
    Credential service_credential(const RepoId& repo) const { return tokens_.credential_for(repo); }
    // For what is about no repo.
    Credential service_credential() const { return tokens_.credential(); }
    // False when asking the Hub and its mirrors, or that site, now would fail at once.
    bool worth_asking(const std::optional<Origin>& of_site = {}) const;
    // A clause for messages: "the Hub is unreachable (...)".
    std::string why_not(const std::optional<Origin>& of_site = {}) const;
    // What this process calls itself in Via.
    const std::string& own_name() const { return own_name_; }
    // From now on every request is refused as cancelled; any thread.
    void stop();
    bool is_stopping() const { return stopping_; }
    // The error for a client whose request the quota does not allow now.
    HubError limit_of(std::string_view target, const Credential& credential) const;
    const Budget& budget() const { return budget_; }
    // Of hubkeep's own accounts: clients' own tokens have their own quotas, which are no concern of
    // the operator.
    struct Quota {
        Budget::Line line;
        std::string token;  // name of the service token, "" without one
    };
    std::vector<Quota> quotas() const;
    // A line per bucket and per mirror that fails, for people.
    std::string report() const;
    Client& client(IoThread& thread) { return *clients_[thread.number()]; }
    // A mirror sent bytes that were not the file's: it is left alone for a while.
    void distrust(const Origin& origin);

  private:
    struct Endpoint {
        enum class Kind { hub, mirror, site };
        explicit Endpoint(Origin o, Kind k) : origin(std::move(o)), kind(k) {}
        const Origin origin;
        const Kind kind;
        Breaker breaker;
        std::atomic<TimePoint> distrusted_until{TimePoint::min()};

        bool would_allow(TimePoint now) const;
    };
    struct Mirrored {
        std::optional<HubAnswer> answer;
        bool is_good = false;  // else it counts only when the Hub cannot be asked
    };
    // What a hop needs to know of the whole request.
    struct Hop {
        const HubRequest& request;
        Credential credential;  // none any more once a redirect has left the endpoint
        Endpoint& endpoint;
        Url url;
        Priority priority = Priority::foreground;
        TimePoint deadline{};  // of waiting for the quota
        bool left = false;     // the endpoint: what follows was named by others
    };
    Task<Mirrored> ask_mirrors(IoThread& thread, const HubRequest& request,
                               const Credential& credential, Follow follow);
    Task<Result<HubAnswer>> follow(IoThread& thread, Endpoint& endpoint, const HubRequest& request,
                                   const Credential& credential, Follow follow);
    Result<Url> next_hop(const Hop& hop, std::string_view location) const;
    Task<Result<ClientResponse>> hop_at_endpoint(IoThread& thread, const Hop& hop);
    Task<Result<ClientResponse>> send(IoThread& thread, const Hop& hop);
    Task<bool> admitted(const Budget::Account& account, Priority priority, TimePoint deadline);
    Endpoint* site(const Origin& origin);
    const Endpoint* find_site(const Origin& origin) const;
    std::string why_not(const Endpoint& endpoint) const;
    HubAnswer answer_here(const HubRequest& request, ResponseHead head) const;
    Budget::Account account_of(const Endpoint& endpoint, std::string_view target,
                               const Credential& credential) const;
    ResponseHead refusal_by_quota(const Budget::Account& account) const;
    void judge(Endpoint& endpoint, const Result<ClientResponse>& response);
    std::optional<ResponseHead> refusal_of_token(const Hop& hop, const ResponseHead& head);

    Endpoint hub_;
    std::vector<std::unique_ptr<Endpoint>> mirrors_;  // in the order to ask
    mutable std::mutex sites_mutex_;
    std::map<Origin, Endpoint> sites_;  // a few, see site()
    const bool offline_;
    const std::size_t max_asking_;
    const std::string own_name_;  // in Via, new for each process
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> asking_{0};
    ServiceTokens& tokens_;
    std::vector<std::unique_ptr<Client>> clients_;
    Log& log_;
    Budget budget_;
};

}  // namespace hubkeep
