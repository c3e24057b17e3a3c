#pragma once
// TokenDesk: GET /tokens on the admin listener: each service token by name, what the Hub thinks of
// it, whose it is and what is left of its quota; never the token. Whose it is has to be asked, and
// the Hub counts that strictly: it is asked when somebody wants to know, and kept for 10 minutes.
// One for the process; any io thread.

#include <boost/json/object.hpp>
#include <map>
#include <mutex>
#include <string>

#include "common/coalesce.hpp"
#include "server/http/session.hpp"
#include "server/hub/account.hpp"
#include "server/proxy/service_tokens.hpp"
#include "server/proxy/upstream.hpp"

namespace hubkeep {

class TokenDesk {
  public:
    TokenDesk(const ServiceTokens& tokens, Upstream& upstream)
        : tokens_(tokens), upstream_(upstream) {}

    Task<void> handle(Exchange& exchange);

  private:
    Task<Result<Account>> account_of(IoThread& thread, const Secret& token, TimePoint deadline);
    Task<Result<Account>> ask(IoThread& thread, Secret token);
    std::optional<Account> remembered(const std::string& fingerprint);
    void forget_others(const std::vector<ServiceTokens::Line>& lines);

    const ServiceTokens& tokens_;
    Upstream& upstream_;
    Coalescer<Result<Account>> questions_;
    std::mutex mutex_;
    std::map<std::string, std::pair<Account, TimePoint>> accounts_;  // by fingerprint
};

}  // namespace hubkeep
