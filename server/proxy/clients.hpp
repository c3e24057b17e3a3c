#pragma once
// Clients: who is behind a request, and whether hubkeep speaks with him at all. The first of these
// counts: a key of hubkeep (as a Bearer token, or the password of Basic credentials), the name that
// a trusted reverse proxy gives, a client certificate, the network. One for the process; any
// thread: settings and keys are one snapshot that is swapped as a whole.

#include <boost/asio/ip/address.hpp>
#include <expected>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "config/client_words.hpp"
#include "config/settings.hpp"
#include "server/http/session.hpp"
#include "server/hub/errors.hpp"
#include "server/proxy/visitor.hpp"

namespace hubkeep {

// What a request tells about its sender.
struct Sender {
    boost::asio::ip::address peer;  // the other end of the connection
    std::string_view certificate;   // the verified name, "" without a certificate
    Secret authorization;
    const Headers& headers;
};

class Clients {
  public:
    // The settings are valid (config/validate.cpp): what is no network is in nobody's way here.
    Clients(const ClientsSettings& settings, std::vector<ClientKey> keys);

    // A refusal is a 401 with a sentence that says what is asked for.
    std::expected<Visitor, HubError> identify(const Exchange& exchange) const;
    std::expected<Visitor, HubError> identify(const Sender& sender, std::int64_t now) const;

    // What a key has used so far goes on counting for it.
    void replace(const ClientsSettings& settings, std::vector<ClientKey> keys);
    // In the order of their names.
    std::vector<ClientReport> list() const;
    // As the one of that name would be seen, for the operator: the owner of a key, else a user whom
    // a proxy or a certificate names; "" is an anonymous one.
    Visitor named(const std::string& name) const;
    // Whom a token of hubkeep's own names, who was identified before, as he is seen now; nothing
    // when he would be turned away: his key was taken back or has expired, or he has none and comes
    // from elsewhere. Without the token of the Hub that he showed.
    std::optional<Visitor> again(const Exchange& exchange, const Visitor& named,
                                 std::int64_t now) const;
    // The header in which proxies name users: it is nobody else's business.
    std::string header() const;

  private:
    struct Snapshot;
    std::shared_ptr<const Snapshot> current() const;
    static std::expected<Visitor, HubError> identify(const Snapshot& snapshot, const Sender& sender,
                                                     std::int64_t now);

    mutable std::mutex mutex_;
    std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace hubkeep
