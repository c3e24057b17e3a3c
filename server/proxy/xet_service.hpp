#pragma once
// XetService: what the proxy leaves to the CAS that Xet clients speak to (server/xet). Any io
// thread.

#include "server/hub/route.hpp"
#include "server/proxy/access.hpp"

namespace hubkeep {

class XetService {
  public:
    virtual ~XetService() = default;
    // Answers xet-read-token for who may read files of the route's repo.
    virtual Task<void> token(Exchange& exchange, Route route, Visitor visitor, Caller caller) = 0;
    // Answers what is asked under the address that such an answer names, by those whom its token
    // names.
    virtual Task<void> serve(Exchange& exchange, Route route) = 0;
};

}  // namespace hubkeep
