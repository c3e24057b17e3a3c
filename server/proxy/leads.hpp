#pragma once
// Leads: the signed address to which the Hub led for a file, so that further parts of it are asked
// for there and cost the Hub no request (each of those counts against its quota). What a credential
// was led to is used for that credential only. After five minutes the Hub is asked again, and only
// where it gives no answer the old address is good for more, until shortly before its signature
// ends. It is forgotten as soon as it does not give what it should. In memory, bounded; any thread.
// Addresses are never logged: whoever has one can read the file.

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "server/net/dial.hpp"
#include "server/proxy/hub_request.hpp"

namespace hubkeep {

class Leads {
  public:
    // `target` is what the Hub was asked for: the file at its commit. `now` in seconds since 1970.
    // Nothing when the Hub should be asked: of many, one is told so every ten seconds.
    std::optional<Url> find(const std::string& target, const Credential& credential,
                            std::int64_t now);
    // For when the Hub was asked in vain.
    std::optional<Url> last_resort(const std::string& target, const Credential& credential,
                                   std::int64_t now) const;
    void learn(const std::string& target, const Credential& credential, Url url, std::int64_t now);
    void forget(const std::string& target, const Credential& credential);
    // Nothing happens when a newer one is there by now.
    void forget(const std::string& target, const Credential& credential, const Url& url);
    std::size_t size() const;

    static constexpr std::size_t max_leads = 4096;

  private:
    struct Lead {
        Url url;
        std::int64_t fresh_until = 0;  // then the Hub is asked for a newer one
        std::int64_t until = 0;
    };

    mutable std::mutex mutex_;
    std::map<std::string, Lead> leads_;  // under mutex_
};

}  // namespace hubkeep
