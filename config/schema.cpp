#include "config/schema.hpp"

#include <algorithm>
#include <type_traits>

#include "config/records.hpp"
#include "config/text.hpp"
#include "config/values.hpp"

namespace hubkeep {
namespace {

template <typename>
inline constexpr bool is_vector = false;
template <typename T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <typename T>
inline constexpr bool is_records =
    std::is_same_v<T, std::vector<AccessRule>> || std::is_same_v<T, std::vector<PolicyRule>> ||
    std::is_same_v<T, std::vector<Team>> || std::is_same_v<T, std::vector<TokenSetting>>;

// `Member` finds the field in a Settings; its type decides how the value is read and written.
template <auto Member>
Setting row(std::string_view key, std::string_view help, std::string name = {}) {
    using Field = std::remove_cvref_t<decltype(Member(std::declval<Settings&>()))>;
    Setting setting;
    setting.key = key;
    setting.help = help;
    setting.is_records = is_records<Field>;
    setting.is_list = is_vector<Field> && !is_records<Field>;
    if constexpr (is_records<Field>) setting.value_name = "MAPS";
    else if constexpr (std::is_same_v<Field, std::string> ||
                       std::is_same_v<Field, std::vector<std::string>>)
        setting.value_name = std::move(name);
    else setting.value_name = value_name(Field{});
    setting.read = [](Settings& settings, std::string_view text) {
        return read_value(text, Member(settings));
    };
    setting.write = [](const Settings& settings) { return write_value(Member(settings)); };
    return setting;
}

Setting reloadable(Setting setting) {
    setting.reloadable = true;
    return setting;
}

#define FIELD(path) [](auto& settings) -> auto& { return settings.path; }

// clang-format off
std::vector<Setting> general_settings() {
    return {
        row<FIELD(listen)>("listen",
            "Where clients reach hubkeep. \":8090\" means every address of this machine, a port "
            "alone means 127.0.0.1."),
        row<FIELD(public_url)>("public_url",
            "The address that clients use, when a proxy in front changes it: "
            "http(s)://HOST[:PORT]. Empty: taken from the Host of each request.", "URL"),
        row<FIELD(data_dir)>("data_dir",
            "Where files are kept. Empty: /var/lib/hubkeep for root, ~/.local/share/hubkeep for "
            "others.", "FOLDER"),
        row<FIELD(offline)>("offline", "Never open a connection: only what is stored is served."),
        row<FIELD(threads)>("threads", "Threads that serve; 0 means one per core."),
        row<FIELD(xet)>("xet",
            "What clients are told about the Hub's Xet protocol. serve: they may speak it, with "
            "hubkeep in place of the Hub's own servers, and read a file over several connections. "
            "strip: nothing, so that they download plain files; huggingface_hub refuses those "
            "above 50 GB."),
        row<FIELD(xet_rules)>("xet_rules",
            "Another mode for some repos, the first that matches counts: org/old-*=strip, "
            "datasets/org/name=serve. * is any text."),
        row<FIELD(admin.listen)>("admin.listen",
            "Where health checks, metrics and administration are reached: an address as above, or "
            "unix:/PATH for a socket file that only its owner may open, and where no token is "
            "asked for."),
        row<FIELD(admin.token_file)>("admin.token_file",
            "A file with the token of administration, which only its owner may read. Empty: "
            "admin-token in data_dir, made at the first start.", "FILE"),
    };
}

std::vector<Setting> upstream_settings() {
    return {
        row<FIELD(upstream.endpoint)>("upstream.endpoint",
            "The Hub to ask: http(s)://HOST[:PORT].", "URL"),
        row<FIELD(upstream.datasets_server)>("upstream.datasets_server",
            "The dataset viewer to ask for addresses under /-/datasets-server/ or on a host name "
            "that begins with \"datasets-server.\"; it gets no token. Empty: there is none.",
            "URL"),
        row<FIELD(upstream.mirrors)>("upstream.mirrors",
            "Copies of the Hub, or other hubkeeps, to ask before it, in this order. They get no "
            "token; what they do not have is asked of the next, and of the Hub in the end.",
            "URLS"),
        reloadable(row<FIELD(upstream.token_file)>("upstream.token_file",
            "A file with the token that hubkeep shows to the Hub for all clients; only its owner "
            "may read it. Empty: see upstream.token_command.", "FILE")),
        reloadable(row<FIELD(upstream.token_command)>("upstream.token_command",
            "A command for /bin/sh that prints that token, when there is no token_file. Empty: "
            "HF_TOKEN or HF_TOKEN_FILE from the environment, the systemd credential hf-token, or "
            "what `hubkeep token set` stored; else clients' own tokens.", "COMMAND")),
        reloadable(row<FIELD(upstream.tokens)>("upstream.tokens",
            "Tokens for some repositories, the first that matches counts before the one above: "
            "[{name: llama, repos: [meta-llama/*], file: /run/secrets/llama}]; instead of file "
            "also command, or credential (of systemd).")),
        row<FIELD(upstream.ca_file)>("upstream.ca_file",
            "Certificates (PEM) of the authorities that may vouch for the Hub. Empty: those of "
            "the system.", "FILE"),
        row<FIELD(upstream.proxy)>("upstream.proxy",
            "A proxy for all connections to the Hub and its CDN: http://HOST:PORT (CONNECT) or "
            "socks5://HOST:PORT, which looks up the names itself. Empty: none; variables such as "
            "HTTPS_PROXY are not looked at.", "URL"),
        row<FIELD(upstream.proxy_auth_file)>("upstream.proxy_auth_file",
            "A file with user:password for the proxy; only its owner may read it.", "FILE"),
        row<FIELD(upstream.no_proxy)>("upstream.no_proxy",
            "What is reached without the proxy: hosts, .suffixes and networks such as 10.0.0.0/8.",
            "HOSTS"),
        row<FIELD(upstream.dns_ttl)>("upstream.dns_ttl",
            "How long the addresses of a host are remembered; they are used longer when the name "
            "server fails."),
        row<FIELD(upstream.connect_timeout)>("upstream.connect_timeout",
            "How long a connection to the Hub may take to be made."),
        row<FIELD(upstream.stall_timeout)>("upstream.stall_timeout",
            "How long the Hub may send nothing before a transfer is broken off and resumed."),
        row<FIELD(upstream.connections_per_file)>("upstream.connections_per_file",
            "How many connections may bring one large file at once, as long as more of them are "
            "faster; 1 means that a file comes in one stream."),
        row<FIELD(upstream.connections_per_host)>("upstream.connections_per_host",
            "How many connections beyond the first of each file may go to one host of the CDN."),
        row<FIELD(upstream.connections)>("upstream.connections",
            "How many connections beyond the first of each file there may be in all."),
    };
}

std::vector<Setting> cache_settings() {
    return {
        row<FIELD(revisions.ttl)>("revisions.ttl",
            "How long the commit behind a branch or tag is believed before the Hub is asked "
            "again; 0 means always ask."),
        row<FIELD(revisions.negative_ttl)>("revisions.negative_ttl",
            "How long it is believed that a repo or a revision does not exist or is closed."),
        row<FIELD(revisions.rules)>("revisions.rules",
            "Another ttl for some repos, the first that matches counts: org/*=10m, "
            "datasets/org/name@dev=0. * is any text."),
        row<FIELD(webhook.secret_file)>("webhook.secret_file",
            "A file with the secret of the Hub's webhook, which only its owner may read: then "
            "POST /-/webhook confirms a branch at once when it moves. Empty: no webhook.", "FILE"),
        row<FIELD(listings.ttl)>("listings.ttl",
            "How long lists, searches and other answers that change at any time are believed "
            "when the Hub does not say for how long; 0 means always ask."),
        row<FIELD(cache.max_size)>("cache.max_size",
            "How much the stored files may take: a size, or a share of the disk under data_dir. "
            "When it is reached, files that were not used for longest leave."),
        row<FIELD(cache.memory)>("cache.memory",
            "How much memory answers about files, and small files, may take that are asked for "
            "again and again; each io thread has its share, and what was not used for longest "
            "leaves. 0B: none."),
        row<FIELD(limits.connections)>("limits.connections",
            "How many connections of clients may be open; fewer when the system allows fewer. "
            "One more is told to come back later (429)."),
        row<FIELD(limits.hub_requests)>("limits.hub_requests",
            "How many requests may wait for an answer of the Hub at once. One more is told to "
            "come back later (429)."),
        reloadable(row<FIELD(tls.cert)>("tls.cert",
            "The certificate chain (PEM) to serve https with, together with tls.key. Empty: "
            "plain http.", "FILE")),
        reloadable(row<FIELD(tls.key)>("tls.key", "The private key (PEM) of tls.cert.", "FILE")),
        reloadable(row<FIELD(tls.client_ca)>("tls.client_ca",
            "Authorities (PEM) that vouch for clients' certificates: who shows one needs no key, "
            "and its common name is the client's name. Empty: no certificate is asked for.",
            "FILE")),
        row<FIELD(log.level)>("log.level", "The least severe events that are logged."),
        row<FIELD(log.format)>("log.format",
            "How log lines are written; auto means text on a terminal, else json."),
    };
}
std::vector<Setting> access_settings() {
    return {
        reloadable(row<FIELD(clients.anonymous)>("clients.anonymous",
            "Networks whose clients need no key. Without them everybody needs one, see `hubkeep "
            "client add`.", "NETWORKS")),
        reloadable(row<FIELD(clients.proxies)>("clients.proxies",
            "Networks of reverse proxies in front, which are believed about X-Forwarded-For and "
            "clients.header.", "NETWORKS")),
        reloadable(row<FIELD(clients.header)>("clients.header",
            "The header in which such a proxy names the user, for instance X-Forwarded-User. "
            "Empty: none.", "NAME")),
        reloadable(row<FIELD(clients.teams)>("clients.teams",
            "Teams of users that a proxy or a certificate names: [{name: ml, members: [ci-*, "
            "\"*@ml.example\"]}].")),
        reloadable(row<FIELD(access.sharing)>("access.sharing",
            "Who may read what is not public. shared: every client, what the service token can. "
            "verify: who proves access with a Hub token of his own. deny: nobody.")),
        reloadable(row<FIELD(access.rules)>("access.rules",
            "Another sharing for some, the first that matches counts: [{name: ours, repos: "
            "[our-org/*], sharing: verify}]; also kinds, files, clients, message.")),
        reloadable(row<FIELD(access.verify_ttl)>("access.verify_ttl",
            "How long a proof of access holds.")),
        reloadable(row<FIELD(access.verify_grace)>("access.verify_grace",
            "How long it holds while the Hub cannot be asked.")),
        reloadable(row<FIELD(access.verify_negative_ttl)>("access.verify_negative_ttl",
            "How long a refusal of the Hub is believed before it is asked again.")),
        reloadable(row<FIELD(access.contact)>("access.contact",
            "Whom to ask, at the end of every refusal: \"Ask #ml-platform.\" Empty: nobody is "
            "named.", "SENTENCE")),
        reloadable(row<FIELD(policy.rules)>("policy.rules",
            "What may be read at all, public or not, the first that matches counts: [{name: "
            "no-pickles, action: deny, files: [\"*.bin\", \"*.pkl\"]}]; also repos, kinds, "
            "revisions, clients, message. What no rule denies is allowed.")),
    };
}
// clang-format on

std::vector<Setting> make_schema() {
    auto table = general_settings();
    for (const auto part : {upstream_settings, access_settings, cache_settings}) {
        std::ranges::move(part(), std::back_inserter(table));
    }
    return table;
}

#undef FIELD

}  // namespace

std::string_view Setting::section() const {
    const auto dot = key.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
}

std::string_view Setting::name() const {
    return section().empty() ? key : key.substr(section().size() + 1);
}

std::string Setting::flag() const {
    return "--" + replace_all(replace_all(key, '.', '-'), '_', '-');
}

std::string Setting::variable() const {
    auto name = "HUBKEEP_" + replace_all(key, '.', '_');
    for (char& c : name) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return name;
}

const std::vector<Setting>& schema() {
    static const std::vector<Setting> table = make_schema();
    return table;
}

const Setting* find_setting(std::string_view key) {
    const auto found = std::ranges::find(schema(), key, &Setting::key);
    return found == schema().end() ? nullptr : &*found;
}

bool is_section(std::string_view name) {
    const auto in_it = [&](const Setting& setting) { return setting.section() == name; };
    return !name.empty() && std::ranges::any_of(schema(), in_it);
}

}  // namespace hubkeep
