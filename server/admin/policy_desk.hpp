#pragma once
// PolicyDesk: the operator asks what the rules in force would say, over the admin listener:
//   GET /policy?repo=datasets/org/name[&client=NAME][&file=PATH][&revision=NAME]
// A client is a key's name, or a user's as a proxy or a certificate would give it; without one it
// is an anonymous one. The answer is JSON with the verdict, what led to it, and a sentence. One for
// the process; any io thread.

#include "server/proxy/access.hpp"
#include "server/proxy/clients.hpp"

namespace hubkeep {

class PolicyDesk {
  public:
    PolicyDesk(Access& access, const Clients& clients) : access_(access), clients_(clients) {}

    static bool is_for(std::string_view path) { return path == "/policy"; }
    Task<void> handle(Exchange& exchange);

  private:
    Access& access_;
    const Clients& clients_;
};

}  // namespace hubkeep
