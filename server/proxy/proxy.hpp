#pragma once
// Proxy: the handler of the data listener. It gives each request a meaning and hands it to what
// answers it. One for the process; any io thread.

#include "server/http/session.hpp"
#include "server/proxy/files.hpp"
#include "server/proxy/forward.hpp"
#include "server/proxy/listings.hpp"

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
    Proxy(const Settings& settings, Access& access, Files& files, Listings& listings,
          Forward& forward, Upstream& upstream, const Health& health)
        : settings_(settings),
          access_(access),
          files_(files),
          listings_(listings),
          forward_(forward),
          upstream_(upstream),
          health_(health) {}

    Task<void> handle(Exchange& exchange) override;

  private:
    Task<void> about_a_repo(Exchange& exchange, Route route);
    Task<void> whoami(Exchange& exchange, Route route);
    Task<void> own(Exchange& exchange, Route route);
    Task<void> preflight(Exchange& exchange);

    const Settings& settings_;
    Access& access_;
    Files& files_;
    Listings& listings_;
    Forward& forward_;
    Upstream& upstream_;
    const Health& health_;
};

}  // namespace hubkeep
