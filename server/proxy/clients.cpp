#include "server/proxy/clients.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <unordered_map>

#include "common/byte_range.hpp"
#include "common/network.hpp"
#include "common/trim.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/client_use.hpp"
#include "server/proxy/patterns.hpp"
#include "server/proxy/revisions.hpp"

namespace hubkeep {
namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t max_name = 256;
constexpr std::size_t max_basic = 8192;
constexpr std::string_view realm = "hubkeep";

HubError ask_for_key(std::string_view sentence) {
    HubError error{.status = 401, .code = "", .message = clean_message(sentence)};
    error.realm = realm;
    return error;
}

// Names from outside end up in the log, in rules and in answers.
bool is_sane_name(std::string_view name) {
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    };
    return !name.empty() && name.size() <= max_name && std::ranges::none_of(name, is_control) &&
           is_utf8(name);
}

// Pages make browsers ask without an Origin too: for images and scripts (Fetch Metadata).
bool is_from_web_page(const Headers& headers) {
    if (headers.has("Origin")) return true;
    const auto site = headers.get("Sec-Fetch-Site");
    return headers.has("Sec-Fetch-Site") && site != "none" && site != "same-origin" &&
           site != "same-site";
}

// The password of Basic credentials; some tools put a token where the user belongs.
Secret password_of(std::string_view encoded) {
    if (encoded.empty() || encoded.size() > max_basic || encoded.size() % 4 != 0) return {};
    WipedText decoded(std::string(encoded.size() / 4 * 3, '\0'));
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.text.data()),
                                     reinterpret_cast<const unsigned char*>(encoded.data()),
                                     static_cast<int>(encoded.size()));
    const auto padding = encoded.ends_with("==") ? 2 : encoded.ends_with('=') ? 1 : 0;
    const std::string_view login(decoded.text.data(), size < 0 ? 0 : std::size_t(size - padding));
    const auto colon = login.find(':');
    if (colon == std::string_view::npos) return {};
    const auto password = login.substr(colon + 1);
    return Secret(password.empty() ? login.substr(0, colon) : password);
}

// What the client sent as its credential: a token of the Hub or a key of hubkeep.
Secret credential_in(const Secret& authorization) {
    const auto text = authorization.reveal();
    const auto space = text.find(' ');
    if (space == std::string_view::npos) return {};
    const auto scheme = text.substr(0, space);
    const auto rest = trimmed(text.substr(space));
    if (iequals(scheme, "Bearer")) {
        const auto at_the_end = text.size() - rest.size();
        return text.ends_with(rest) ? authorization.tail(at_the_end) : Secret(rest);
    }
    if (!iequals(scheme, "Basic")) return {};
    auto password = password_of(rest);
    // Other passwords are for somebody else.
    return password.reveal().starts_with("hf_") ? std::move(password) : Secret();
}

std::string short_name_of(const ClientKey& key) {
    constexpr std::size_t digits = 16;
    return key.digest.hex().substr(0, digits);
}

// "10.0.0.1", "10.0.0.1:80", "fd00::1" and "[fd00::1]:80", as proxies write hops. What is none of
// them is no place in any network but the one of all.
ip::address address_in(std::string_view hop) {
    if (hop.starts_with('[')) {
        hop = hop.substr(1, std::min(hop.find(']'), hop.size()) - 1);
    } else if (std::ranges::count(hop, ':') == 1) {
        hop = hop.substr(0, hop.find(':'));
    }
    boost::system::error_code ec;
    const auto address = ip::make_address(std::string(hop), ec);
    return ec ? ip::address(ip::address_v6::any()) : plain_address(address);
}

}  // namespace

struct Clients::Snapshot {
    struct Known {
        Visitor visitor(std::int64_t now) const;  // who uses it

        ClientKey key;
        std::shared_ptr<ClientUse> use;
    };

    std::expected<Visitor, HubError> by_key(std::string_view text, std::int64_t now) const;
    const Known* find(std::string_view name) const;  // the key of that name, null for none
    std::string team_of(std::string_view name) const;
    std::string_view name_by_proxy(const Headers& headers) const;
    bool trusts(const ip::address& peer) const { return proxies.contain(peer); }
    ip::address origin_of(const Sender& sender) const;
    Sender sender_of(const Exchange& exchange) const;
    bool lets_in_unnamed(const Sender& sender) const;
    bool looks_at_addresses() const { return !proxies.empty() || !anonymous.hold_everything(); }

    Networks anonymous;
    Networks proxies;
    std::string header;
    std::vector<Team> teams;
    std::unordered_map<Digest, Known, DigestHash> keys;
};

Visitor Clients::Snapshot::Known::visitor(std::int64_t now) const {
    use->used_at(now);
    Visitor visitor;
    visitor.by = Visitor::By::key;
    visitor.name = key.name;
    visitor.team = key.team;
    visitor.repos = key.repos;
    visitor.key = short_name_of(key);
    visitor.use = use;
    return visitor;
}

std::expected<Visitor, HubError> Clients::Snapshot::by_key(std::string_view text,
                                                           std::int64_t now) const {
    if (key_form(text) != KeyForm::whole) {
        return std::unexpected(ask_for_key(
            "The token that was sent looks like a key of hubkeep, but is mistyped or cut short."));
    }
    const auto found = keys.find(digest_of(DigestKind::sha256, text));
    if (found == keys.end()) {
        return std::unexpected(
            ask_for_key("The key of hubkeep that was sent is not known here: it was revoked, or "
                        "belongs to another hubkeep."));
    }
    const auto& key = found->second.key;
    if (key.is_expired(now)) {
        return std::unexpected(ask_for_key(
            fmt::format("The key of hubkeep that was sent, {}, expired on {}; ask for a new one.",
                        key.name, time_text(*key.expires))));
    }
    return found->second.visitor(now);
}

std::string Clients::Snapshot::team_of(std::string_view name) const {
    for (const auto& team : teams) {
        if (any_glob_matches(team.members, name)) return team.name;
    }
    return {};
}

// "" when there is no usable one. Of two, the first may be the client's own.
std::string_view Clients::Snapshot::name_by_proxy(const Headers& headers) const {
    if (header.empty() || headers.count(header) != 1) return {};
    const auto name = trimmed(headers.get(header));
    return is_sane_name(name) ? name : std::string_view();
}

// The last hop that is no proxy of ours: everything in front of it may be invented.
ip::address Clients::Snapshot::origin_of(const Sender& sender) const {
    if (!trusts(sender.peer)) return sender.peer;
    std::string hops;
    for (const auto& [name, value] : sender.headers) {
        if (iequals(name, "X-Forwarded-For")) hops += (hops.empty() ? "" : ",") + value;
    }
    auto origin = sender.peer;
    std::string_view rest = hops;
    while (!rest.empty() && trusts(origin)) {
        const auto comma = rest.rfind(',');
        const auto begin = comma == std::string_view::npos ? 0 : comma + 1;
        origin = address_in(trimmed(rest.substr(begin)));
        rest = rest.substr(0, begin == 0 ? 0 : comma);
    }
    return origin;
}

bool Clients::Snapshot::lets_in_unnamed(const Sender& sender) const {
    return anonymous.hold_everything() || anonymous.contain(origin_of(sender));
}

Clients::Clients(const ClientsSettings& settings, std::vector<ClientKey> keys) {
    replace(settings, std::move(keys));
}

std::shared_ptr<const Clients::Snapshot> Clients::current() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

void Clients::replace(const ClientsSettings& settings, std::vector<ClientKey> keys) {
    const auto before = current();
    auto next = std::make_shared<Snapshot>();
    next->anonymous = Networks::parse(settings.anonymous).value_or(Networks());
    next->proxies = Networks::parse(settings.proxies).value_or(Networks());
    next->header = settings.header;
    next->teams = settings.teams;
    for (auto& key : keys) {
        const auto known = before ? before->keys.find(key.digest) : next->keys.end();
        const bool is_known = before && known != before->keys.end();
        auto use = is_known ? known->second.use : std::make_shared<ClientUse>(key.limits);
        use->replace(key.limits);
        const auto digest = key.digest;
        next->keys.insert_or_assign(digest, Snapshot::Known{std::move(key), std::move(use)});
    }
    const std::lock_guard lock(mutex_);
    snapshot_ = std::move(next);
}

std::expected<Visitor, HubError> Clients::identify(const Sender& sender, std::int64_t now) const {
    return identify(*current(), sender, now);
}

std::expected<Visitor, HubError> Clients::identify(const Snapshot& snapshot, const Sender& sender,
                                                   std::int64_t now) {
    auto credential = credential_in(sender.authorization);
    const bool from_web_page = is_from_web_page(sender.headers);
    if (key_form(credential.reveal()) != KeyForm::none) {
        auto visitor = snapshot.by_key(credential.reveal(), now);
        if (visitor) visitor->from_web_page = from_web_page;
        return visitor;
    }
    Visitor visitor;
    visitor.hub_token = std::move(credential);
    visitor.from_web_page = from_web_page;
    // The certificate of a proxy's connection is the proxy's own, whether it names a user or not.
    const bool is_proxy = snapshot.trusts(sender.peer);
    const auto named = is_proxy ? snapshot.name_by_proxy(sender.headers) : std::string_view();
    if (!named.empty()) {
        visitor.by = Visitor::By::header;
        visitor.name = named;
    } else if (!is_proxy && is_sane_name(sender.certificate)) {
        visitor.by = Visitor::By::certificate;
        visitor.name = sender.certificate;
    } else if (!snapshot.lets_in_unnamed(sender)) {
        return std::unexpected(
            ask_for_key("This hubkeep asks for a key: set HF_TOKEN to one that its operator made "
                        "with `hubkeep client add`."));
    }
    visitor.team = visitor.name.empty() ? "" : snapshot.team_of(visitor.name);
    return visitor;
}

Sender Clients::Snapshot::sender_of(const Exchange& exchange) const {
    return {looks_at_addresses() ? address_in(exchange.peer()) : ip::address(),
            exchange.peer_certificate(), exchange.authorization(), exchange.request().headers};
}

std::expected<Visitor, HubError> Clients::identify(const Exchange& exchange) const {
    const auto snapshot = current();
    return identify(*snapshot, snapshot->sender_of(exchange), unix_now());
}

std::string Clients::header() const {
    return current()->header;
}

const Clients::Snapshot::Known* Clients::Snapshot::find(std::string_view name) const {
    const auto found = std::ranges::find(
        keys, name, [](const auto& entry) { return std::string_view(entry.second.key.name); });
    return found == keys.end() ? nullptr : &found->second;
}

std::optional<Visitor> Clients::again(const Exchange& exchange, const Visitor& named,
                                      std::int64_t now) const {
    const auto snapshot = current();
    if (named.by == Visitor::By::key) {
        const auto* const known = snapshot->find(named.name);
        // Another key may have got the name.
        const bool is_it = known != nullptr && short_name_of(known->key) == named.key;
        if (!is_it || known->key.is_expired(now)) return std::nullopt;
        return known->visitor(now);
    }
    const auto sender = snapshot->sender_of(exchange);
    if (named.by == Visitor::By::header && !snapshot->trusts(sender.peer)) return std::nullopt;
    if (named.name.empty() && !snapshot->lets_in_unnamed(sender)) return std::nullopt;
    auto visitor = named;
    visitor.team = named.name.empty() ? "" : snapshot->team_of(named.name);
    return visitor;
}

Visitor Clients::named(const std::string& name) const {
    const auto snapshot = current();
    if (const auto* const known = snapshot->find(name)) {
        const auto& key = known->key;
        return {.by = Visitor::By::key, .name = key.name, .team = key.team, .repos = key.repos};
    }
    if (name.empty()) return {};
    return {.by = Visitor::By::header, .name = name, .team = snapshot->team_of(name)};
}

std::vector<ClientReport> Clients::list() const {
    const auto snapshot = current();
    std::vector<ClientReport> reports;
    for (const auto& [digest, known] : snapshot->keys) {
        reports.push_back({known.key, known.use->last_used()});
    }
    std::ranges::sort(reports, {}, [](const ClientReport& report) { return report.key.name; });
    return reports;
}

}  // namespace hubkeep
