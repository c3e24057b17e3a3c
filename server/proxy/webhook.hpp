#pragma once
// Webhook: POST /-/webhook on the data listener. The Hub (or anybody who knows the secret) says
// that a repo has changed; hubkeep then asks the Hub itself what is true, at once, for the
// revisions that clients use. Without the right X-Webhook-Secret nothing happens; the same message
// again within ten minutes does nothing either. One for the process; any io thread.

#include <deque>
#include <mutex>
#include <string>

#include "common/secret.hpp"
#include "server/hub/webhook.hpp"
#include "server/proxy/refresher.hpp"

namespace hubkeep {

class Webhook {
  public:
    // With an empty secret there is no webhook.
    Webhook(Secret secret, Refresher& refresher, Log& log)
        : secret_(std::move(secret)), refresher_(refresher), log_(log) {}

    Task<void> handle(Exchange& exchange);

  private:
    struct Seen {
        Digest digest;
        TimePoint until;
    };
    struct Confirmed {
        std::string revision;
        std::string commit;
    };
    bool is_new(const Digest& digest);
    void forget(const Digest& digest);
    Task<Outcome<std::vector<Confirmed>>> act(IoThread& thread, WebhookEvent event);

    const Secret secret_;
    Refresher& refresher_;
    Log& log_;
    std::mutex mutex_;
    std::deque<Seen> seen_;  // oldest first
};

}  // namespace hubkeep
