#pragma once
// Proxy: the handler of the data listener. It gives each request a meaning and hands it to what
// answers it. One for the process; any io thread.

#include "server/http/session.hpp"
#include "server/proxy/clients.hpp"
#include "server/proxy/files.hpp"
#include "server/proxy/forward.hpp"
#include "server/proxy/listings.hpp"
#include "server/proxy/reads.hpp"
#include "server/proxy/webhook.hpp"
#include "server/proxy/xet_service.hpp"

namespace hubkeep {

// What the process says about itself, for /-/readyz.
class Health {
  public:
    virtual ~Health() = default;
    virtual bool ready() const = 0;
    virtual std::string report() const = 0;  // text, a line per check
};

class Proxy : public Handler {
  public:
    Proxy(const Settings& settings, const Clients& clients, Access& access, Files& files,
          Listings& listings, Reads& reads, Forward& forward, Webhook& webhook, XetService& xet,
          Upstream& upstream, const Health& health)
        : settings_(settings),
          clients_(clients),
          access_(access),
          files_(files),
          listings_(listings),
          reads_(reads),
          forward_(forward),
          webhook_(webhook),
          xet_(xet),
          upstream_(upstream),
          health_(health) {}

    Task<void> handle(Exchange& exchange) override;

  private:
    // Nobody is asked who he is.
    Task<void> for_everybody(Exchange& exchange, Route route);
    Task<void> for_visitor(Exchange& exchange, Route route, Visitor visitor);
    Task<void> about_a_repo(Exchange& exchange, Route route, Visitor visitor);
    Task<void> whoami(Exchange& exchange, Route route, Visitor visitor);
    // Asked with the client's own token or none: see Route::Kind::personal.
    Task<void> personal(Exchange& exchange, Route route, Visitor visitor);
    Task<void> others(Exchange& exchange, Route route, Visitor visitor);
    Task<void> viewer(Exchange& exchange, Route route, Visitor visitor);
    Task<void> own(Exchange& exchange, Route route);
    Task<void> page(Exchange& exchange, Route route);
    Task<void> to_the_file(Exchange& exchange, Route route);
    Task<void> preflight(Exchange& exchange);

    const Settings& settings_;
    const Clients& clients_;
    Access& access_;
    Files& files_;
    Listings& listings_;
    Reads& reads_;
    Forward& forward_;
    Webhook& webhook_;
    XetService& xet_;
    Upstream& upstream_;
    const Health& health_;
};

}  // namespace hubkeep
