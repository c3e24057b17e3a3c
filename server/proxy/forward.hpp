#pragma once
// Forward: passes a request that hubkeep knows nothing special about to the Hub, and the answer
// back. Nothing is kept. The request is built anew from parsed values; of the answer only listed
// fields come through; addresses of the Hub that clients follow become ours; Xet hints are taken
// out.

#include "server/hub/route.hpp"
#include "server/proxy/access.hpp"
#include "server/proxy/answers.hpp"

namespace hubkeep {

class Forward {
  public:
    Forward(const Settings& settings, Upstream& upstream)
        : settings_(settings), upstream_(upstream) {}

    Task<void> pass(Exchange& exchange, Route route, Credential credential);

  private:
    ResponseHead head_for(Exchange& exchange, const HubAnswer& answer) const;
    Task<void> send_json(Exchange& exchange, HubAnswer answer, ResponseHead head);
    Task<void> send_stream(Exchange& exchange, HubAnswer answer, ResponseHead head);

    const Settings& settings_;
    Upstream& upstream_;
};

}  // namespace hubkeep
