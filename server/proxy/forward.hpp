#pragma once
// Forward: passes a request that hubkeep knows nothing special about to the Hub, and the answer
// back. Nothing is kept. The target is built anew from parsed values; those fields cross that may
// (see hub/fields.hpp); addresses of the Hub that clients follow become ours; Xet hints are taken
// out where they are not for the client (see xet_mode.hpp).

#include "server/hub/route.hpp"
#include "server/proxy/access.hpp"
#include "server/proxy/answers.hpp"
#include "server/proxy/clients.hpp"

namespace hubkeep {

class Forward {
  public:
    Forward(const Settings& settings, const Clients& clients, Upstream& upstream)
        : settings_(settings), clients_(clients), upstream_(upstream) {}

    Task<void> pass(Exchange& exchange, Route route, Credential credential);
    // The two halves of it, for who asks in another way: the client's request as it goes to the
    // Hub, without Range, and the answer back to the client.
    HubRequest request_for(const Exchange& exchange, const Route& route) const;
    Task<void> relay(Exchange& exchange, Result<HubAnswer> answer, Credential::Kind credential,
                     bool with_xet);

  private:
    ResponseHead head_for(Exchange& exchange, const HubAnswer& answer) const;
    Task<void> send_json(Exchange& exchange, HubAnswer answer, ResponseHead head, bool with_xet);
    Task<void> send_stream(Exchange& exchange, HubAnswer answer, ResponseHead head);

    const Settings& settings_;
    const Clients& clients_;
    Upstream& upstream_;
};

}  // namespace hubkeep
