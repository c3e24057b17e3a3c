#pragma once
// XetVisitors: who stands behind a token of xet/token.hpp. A token names its visitor; the token of
// the Hub that he showed when he got it is remembered here, in memory alone, because the Hub may
// have to be asked with it. After a restart it is unknown: then a visitor gets what is open to him
// without it, until he asks for a new token. One for the process; any thread.

#include <mutex>
#include <optional>

#include "common/lru_map.hpp"
#include "server/proxy/clients.hpp"
#include "server/xet/token.hpp"

namespace hubkeep {

class XetVisitors {
  public:
    // Of how many visitors the token is remembered.
    static constexpr std::size_t max_remembered = 4096;

    explicit XetVisitors(const Clients& clients) : clients_(clients) {}

    // The part of claims that names him. His token is remembered as long as what is made of them is
    // good.
    XetClaims claims_of(const Visitor& visitor, std::int64_t now);
    // Who sends this with them; nothing when he would be turned away by now.
    std::optional<Visitor> visitor_of(const Exchange& exchange, const XetClaims& claims,
                                      std::int64_t now);

  private:
    struct Shown {
        Secret token;
        std::int64_t until = 0;  // seconds since 1970
    };

    const Clients& clients_;
    std::mutex mutex_;
    LruMap<Shown> shown_{max_remembered};  // by fingerprint; under mutex_
};

}  // namespace hubkeep
