#pragma once
// Admin: the handler of the admin listener, behind its gate: health for probes, a JSON status for
// people and scripts, metrics, and the operator's word on
// revisions, tokens and settings. One for the process; any io
// thread.

#include "server/admin/metrics.hpp"
#include "server/admin/policy_desk.hpp"
#include "server/admin/reload_desk.hpp"
#include "server/admin/revision_desk.hpp"
#include "server/admin/token_desk.hpp"
#include "server/proxy/proxy.hpp"
#include "server/store/flights.hpp"

namespace hubkeep {

class Admin : public Handler {
  public:
    Admin(const Health& health, const BlobStore& store, const Flights& flights,
          const Upstream& upstream, const Clients& clients, RevisionDesk& revisions,
          PolicyDesk& policy, TokenDesk& tokens, ReloadDesk& reloads, const Metrics& metrics)
        : health_(health),
          store_(store),
          flights_(flights),
          upstream_(upstream),
          clients_(clients),
          revisions_(revisions),
          policy_(policy),
          tokens_(tokens),
          reloads_(reloads),
          metrics_(metrics) {}

    Task<void> handle(Exchange& exchange) override;

  private:
    std::string status() const;

    const Health& health_;
    const BlobStore& store_;
    const Flights& flights_;
    const Upstream& upstream_;
    const Clients& clients_;
    RevisionDesk& revisions_;
    PolicyDesk& policy_;
    TokenDesk& tokens_;
    ReloadDesk& reloads_;
    const Metrics& metrics_;
};

}  // namespace hubkeep
