#pragma once
// Upstream: the way to the Hub. It alone adds a credential, and only to the configured Hub itself
// (same scheme, host and port); it follows redirects by hand so that this is decided again at each
// hop. It keeps the breaker and the budget and knows `offline`. One for the process; per io thread
// it uses that thread's Client. When the quota does not allow a request within its patience, the
// answer is the 429 that the Hub would give, made here without asking, with the true waiting time.
// Errors: unreachable (also when offline or the breaker is open), timed_out, closed, protocol.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/log.hpp"
#include "common/secret.hpp"
#include "config/settings.hpp"
#include "server/http/client.hpp"
#include "server/hub/errors.hpp"
#include "server/proxy/breaker.hpp"
#include "server/proxy/budget.hpp"

namespace hubkeep {

// What to authenticate with at the Hub: the service token, the asking client's own, or nothing.
struct Credential {
    enum class Kind { none, service, client };
    Kind kind = Kind::none;
    Secret token;
};

struct HubRequest {
    std::string method = "GET";
    std::string target;
    Headers
        headers;  // beyond what Upstream sets itself: User-Agent, Accept-Encoding, Authorization
    std::string body;
    Priority priority = Priority::foreground;
    // How long to wait for the quota before it is asked; a HEAD gets 7 s, others 25 s, since
    // clients give a HEAD 10 s and people an API call no more.
    std::optional<SteadyClock::duration> patience;
};

// How far to follow redirects.
enum class Follow {
    no,
    same_origin,  // within the Hub: renames, resolve-cache
    anywhere,     // also to the CDN, without any credential
};

struct HubAnswer {
    ClientResponse response;
    // The head of the first hop and every redirect after it: metadata is spread over them.
    std::vector<ResponseHead> redirects;
    // The target of the last hop at the Hub; differs from what was asked after a rename.
    std::string hub_target;
    bool left_hub = false;  // the response is another origin's
};

class Upstream {
  public:
    // `clients` has one Client per io thread, in their order; they outlive the Upstream.
    Upstream(const Settings& settings, Origin hub, Secret service_token,
             std::vector<std::unique_ptr<Client>> clients, Log& log);

    Task<Result<HubAnswer>> ask(IoThread& thread, HubRequest request, const Credential& credential,
                                Follow follow);

    const Origin& hub() const { return hub_; }
    bool offline() const { return offline_; }
    bool has_service_token() const { return !service_token_.empty(); }
    Credential service_credential() const;
    // False when asking now would fail at once.
    bool worth_asking() const;
    std::string why_not() const;  // a clause for messages: "the Hub is unreachable (...)"
    // From now on every request is refused as cancelled; any thread.
    void stop();
    // The error for a client whose request the quota does not allow now.
    HubError limit_of(std::string_view target, const Credential& credential) const;
    const Budget& budget() const { return budget_; }
    // A line per bucket, for people.
    std::string quota_report() const;
    Client& client(IoThread& thread) { return *clients_[thread.number()]; }
    Breaker& breaker() { return breaker_; }

  private:
    // What a hop needs to know of the whole request.
    struct Hop {
        const HubRequest& request;
        const Credential& credential;
        Url url;
        Priority priority = Priority::foreground;
        TimePoint deadline{};  // of waiting for the quota
    };
    Task<Result<HubAnswer>> follow(IoThread& thread, HubRequest request,
                                   const Credential& credential, Follow follow);
    Task<Result<ClientResponse>> hop_at_hub(IoThread& thread, const Hop& hop);
    Task<Result<ClientResponse>> send(IoThread& thread, const Hop& hop);
    Task<bool> admitted(const Budget::Account& account, Priority priority, TimePoint deadline);
    Budget::Account account_of(std::string_view target, const Credential& credential) const;
    ResponseHead refusal_by_quota(const Budget::Account& account) const;
    void judge(const Result<ClientResponse>& response);

    const Origin hub_;
    const bool offline_;
    const std::size_t max_asking_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> asking_{0};
    const Secret service_token_;
    std::vector<std::unique_ptr<Client>> clients_;
    Log& log_;
    mutable Breaker breaker_;
    Budget budget_;
};

}  // namespace hubkeep
