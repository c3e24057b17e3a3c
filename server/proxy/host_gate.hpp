#pragma once
// HostGate: stands in front of a handler and answers requests under a name that is not hubkeep's
// own with 421 (own_hosts.hpp says why). The probes /-/livez and /-/readyz pass under any name. One
// per listener; any io thread.

#include "config/settings.hpp"
#include "server/http/session.hpp"
#include "server/hub/own_hosts.hpp"

namespace hubkeep {

// The names of the machine, and that in public_url.
OwnHosts own_hosts(const Settings& settings);

// A page can reach what only this machine can; behind a reverse proxy the name is its affair, and
// where other machines may ask, they ask under names that only their operator knows.
bool needs_host_gate(const Settings& settings);

class HostGate : public Handler {
  public:
    HostGate(Handler& behind, OwnHosts hosts) : behind_(behind), hosts_(std::move(hosts)) {}
    Task<void> handle(Exchange& exchange) override;

  private:
    Handler& behind_;
    const OwnHosts hosts_;
};

}  // namespace hubkeep
