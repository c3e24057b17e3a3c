#include "server/daemon_parts.hpp"

#include "config/admin_token.hpp"
#include "server/store/ballast.hpp"
#include "server/store/disk_blob_store.hpp"
#include "server/store/sqlite_index.hpp"

namespace hubkeep {
namespace {

std::uint64_t limit_of(const CacheSize& size, const DiskSpace& disk) {
    if (size.bytes) return *size.bytes;
    return static_cast<std::uint64_t>(static_cast<double>(disk.total_bytes) * size.percent / 100);
}

Result<ClientSettings> client_settings(const Settings& all, Secret proxy_login) {
    const auto& settings = all.upstream;
    ClientSettings client;
    client.own_ports = {all.listen.port, all.admin.listen.tcp.port};
    client.connect_timeout = settings.connect_timeout;
    client.stall_timeout = settings.stall_timeout;
    client.names = std::make_shared<NameCache>(settings.dns_ttl);
    if (settings.proxy.empty()) return client;
    auto proxy = parse_egress_proxy(settings.proxy);
    if (!proxy) return std::unexpected(proxy.error());
    proxy->login = std::move(proxy_login);
    proxy->no_proxy = settings.no_proxy;
    client.proxy = std::make_shared<const EgressProxy>(std::move(*proxy));
    return client;
}

}  // namespace

Result<void> DaemonParts::open_store(const Base& base) {
    const fs::path folder = base.settings.data_dir;
    const auto made = make_folders(folder);
    if (!made) return made;
    const auto disk = disk_space(folder);
    if (!disk) return std::unexpected(disk.error());
    auto opened = SqliteIndex::open(folder / "index.sqlite", base.threads.size(), base.log);
    if (!opened && give_up_ballast(folder)) {
        base.log.warn("the disk is full; the reserve in the data folder was given up to start",
                      {{"cause", opened.error().message}});
        opened = SqliteIndex::open(folder / "index.sqlite", base.threads.size(), base.log);
    }
    if (!opened) return std::unexpected(opened.error());
    index = std::move(*opened);
    DiskBlobStore::Options options;
    options.data_dir = folder;
    options.max_bytes = limit_of(base.settings.cache.max_size, *disk);
    auto blobs = DiskBlobStore::open(options, *index, base.log);
    if (!blobs) return std::unexpected(blobs.error());
    store = std::move(*blobs);
    keep_ballast(folder);
    wrong_bytes = std::make_unique<WrongBytes>(folder / "wrong-bytes");
    flights = std::make_unique<Flights>(*store, *wrong_bytes, base.log);
    return {};
}

Result<void> DaemonParts::open_upstream(const Base& base, Secrets& secrets) {
    const auto& settings = base.settings;
    const auto url = parse_url(settings.upstream.endpoint);
    if (!url) return std::unexpected(url.error());
    const auto tls = make_client_tls(settings.upstream.ca_file);
    if (!tls) return std::unexpected(tls.error());
    const auto client = client_settings(settings, std::move(secrets.proxy_login));
    if (!client) return std::unexpected(client.error());
    std::vector<std::unique_ptr<Client>> of_threads;
    for (std::size_t i = 0; i < base.threads.size(); ++i) {
        of_threads.push_back(std::make_unique<Client>(base.threads.at(i), *client, *tls));
    }
    std::vector<Origin> mirrors;
    for (const auto& text : settings.upstream.mirrors) {
        auto mirror = parse_url(text);
        if (!mirror) return std::unexpected(mirror.error());
        mirrors.push_back(std::move(mirror->origin));
    }
    tokens = std::make_unique<ServiceTokens>(std::move(secrets.service_tokens), base.log);
    upstream = std::make_unique<Upstream>(settings, url->origin, std::move(mirrors), *tokens,
                                          std::move(of_threads), base.log);
    return {};
}

// What is known about repos, and who may know it.
void DaemonParts::build_knowledge(const Base& base) {
    revisions = std::make_unique<Revisions>(*index, base.settings.revisions, index->reader(0));
    refusals = std::make_unique<Refusals>(base.settings.revisions);
    aliases = std::make_unique<Aliases>(*index);
    access = std::make_unique<Access>(*upstream, *index, *aliases, *revisions, base.settings);
    resolver = std::make_unique<Resolver>(*upstream, *index, *revisions, *aliases, *refusals, trees,
                                          leads);
    // What is never kept cannot be checked over Xet.
    const auto largest = store->usage().limit_bytes;
    documents = std::make_unique<Documents>(base.settings, largest, *upstream, *index, *revisions,
                                            *aliases, *refusals);
    known_listings = std::make_unique<KnownListings>(base.settings, largest, *index, trees);
    refresher =
        std::make_unique<Refresher>(*upstream, *index, *access, *revisions, *aliases, *refusals);
}

Result<void> DaemonParts::build_answers(const Base& base) {
    const auto& settings = base.settings;
    fetcher =
        std::make_unique<Fetcher>(settings.upstream, *upstream, leads, *store, *flights, base.log);
    direct = std::make_unique<Direct>(*fetcher, *store);
    files = std::make_unique<Files>(settings, *resolver, *fetcher, *direct, *flights, *store,
                                    *index, base.threads, base.log);
    listings = std::make_unique<Listings>(settings, *upstream, *index, *revisions, *aliases,
                                          *documents, *known_listings);
    forward = std::make_unique<Forward>(settings, *clients, *upstream);
    std::optional<Origin> viewer;
    if (!settings.upstream.datasets_server.empty()) {
        const auto url = parse_url(settings.upstream.datasets_server);
        if (!url) return std::unexpected(url.error());
        viewer = url->origin;
    }
    reads = std::make_unique<Reads>(settings, *upstream, *access, *index, *files, *forward,
                                    std::move(viewer));
    return {};
}

void DaemonParts::build_admin(const Base& base) {
    revision_desk = std::make_unique<RevisionDesk>(*index, *revisions, *refresher);
    policy_desk = std::make_unique<PolicyDesk>(*access, *clients);
    token_desk = std::make_unique<TokenDesk>(*tokens, *upstream);
    reload_desk = std::make_unique<ReloadDesk>(base.reloader);
    metrics =
        std::make_unique<Metrics>(*store, *flights, *upstream, *access, *tokens, base.reloader);
    admin =
        std::make_unique<Admin>(base.health, *store, *flights, *upstream, *clients, *revision_desk,
                                *policy_desk, *token_desk, *reload_desk, *metrics);
}

Result<void> DaemonParts::build_gates(const Base& base, Secrets& secrets) {
    const auto& settings = base.settings;
    if (needs_host_gate(settings)) {
        host_gate = std::make_unique<HostGate>(*proxy, own_hosts(settings));
    }
    if (!settings.admin.listen.socket_file.empty()) {
        admin_gate = std::make_unique<AdminGate>(*admin, std::nullopt);
        return {};
    }
    auto token = secrets.admin.empty() ? read_or_make_admin_token(settings)
                                       : Result<Secret>(std::move(secrets.admin));
    if (!token) return std::unexpected(token.error());
    admin_gate = std::make_unique<AdminGate>(*admin, std::move(*token));
    admin_host_gate = std::make_unique<HostGate>(*admin_gate, own_hosts(settings));
    return {};
}

Handler& DaemonParts::data_handler() const {
    if (host_gate) return *host_gate;
    return *proxy;
}

Handler& DaemonParts::admin_handler() const {
    if (admin_host_gate) return *admin_host_gate;
    return *admin_gate;
}

Result<void> DaemonParts::build(const Base& base, Secrets secrets) {
    const auto stored = open_store(base);
    if (!stored) return stored;
    const auto connected = open_upstream(base, secrets);
    if (!connected) return connected;
    clients = std::make_unique<Clients>(base.settings.clients, std::move(secrets.client_keys));
    build_knowledge(base);
    const auto answering = build_answers(base);
    if (!answering) return answering;
    auto xet_key = read_or_make_secret_file(fs::path(base.settings.data_dir) / "xet-key");
    if (!xet_key) return std::unexpected(xet_key.error());
    cas = std::make_unique<Cas>(base.settings, *clients, *access, *aliases, *index, *resolver,
                                *listings, *files, std::move(*xet_key));
    webhook = std::make_unique<Webhook>(std::move(secrets.webhook), *refresher, base.log);
    proxy = std::make_unique<Proxy>(base.settings, *clients, *access, *files, *listings, *reads,
                                    *forward, *webhook, *cas, *upstream, base.health);
    build_admin(base);
    return build_gates(base, secrets);
}

}  // namespace hubkeep
