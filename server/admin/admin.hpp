#pragma once
// Admin: the handler of the admin listener: health for probes and a JSON status for people and
// scripts. Read-only. One for the process; any io thread.

#include "server/proxy/proxy.hpp"
#include "server/store/flights.hpp"

namespace hubkeep {

class Admin : public Handler {
  public:
    Admin(const Health& health, const BlobStore& store, const Flights& flights,
          const Upstream& upstream)
        : health_(health), store_(store), flights_(flights), upstream_(upstream) {}

    Task<void> handle(Exchange& exchange) override;

  private:
    std::string status() const;

    const Health& health_;
    const BlobStore& store_;
    const Flights& flights_;
    const Upstream& upstream_;
};

}  // namespace hubkeep
