#pragma once
// Upstream: the way to the Hub. It alone adds a credential, and only to the configured Hub itself
// (same scheme, host and port); it follows redirects by hand so that this is decided again at each
// hop. It keeps the breaker and knows `offline`. One for the process; per io thread it uses that
// thread's Client. Errors: unreachable (also when offline or the breaker is open), timed_out,
// closed, protocol.

#include <memory>
#include <string>
#include <vector>

#include "common/log.hpp"
#include "common/secret.hpp"
#include "config/settings.hpp"
#include "server/http/client.hpp"
#include "server/proxy/breaker.hpp"

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
    void stop() { stopping_ = true; }
    Client& client(IoThread& thread) { return *clients_[thread.number()]; }
    Breaker& breaker() { return breaker_; }

  private:
    Task<Result<ClientResponse>> one_hop(IoThread& thread, const Origin& origin,
                                         const HubRequest& request, const std::string& target,
                                         const Credential& credential);
    void judge(const Result<ClientResponse>& response);

    const Origin hub_;
    const bool offline_;
    std::atomic<bool> stopping_{false};
    const Secret service_token_;
    std::vector<std::unique_ptr<Client>> clients_;
    Log& log_;
    mutable Breaker breaker_;
};

}  // namespace hubkeep
