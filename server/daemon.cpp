#include "server/daemon.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <future>
#include <thread>

#include "server/admin/admin.hpp"
#include "server/net/descriptors.hpp"
#include "server/net/listener.hpp"
#include "server/proxy/proxy.hpp"
#include "server/store/ballast.hpp"
#include "server/store/disk_blob_store.hpp"
#include "server/store/sqlite_index.hpp"

namespace hubkeep {
namespace {

constexpr auto drain_time = seconds(30);  // for answers that are being sent
constexpr auto end_time = seconds(10);    // for tasks to notice that they are over
constexpr auto sweep_interval = seconds(5);
// For the index, the log, the store's own files and name lookups.
constexpr std::size_t reserved_descriptors = 128;
constexpr std::size_t min_connections = 16;

// Blocked in every thread; the main thread waits for them.
sigset_t awaited_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
    return set;
}

class Daemon : public Health {
  public:
    Daemon(const Settings& settings, Secrets secrets)
        : settings_(settings),
          secrets_(std::move(secrets)),
          log_(settings.log.level, settings.log.format),
          threads_(settings.threads != 0 ? settings.threads
                                         : std::max(1u, std::thread::hardware_concurrency()),
                   log_) {}

    Result<void> build(const std::vector<std::string>& notices);
    void announce() const;
    void run();
    void stop();

    bool ready() const override { return !draining_.load(); }
    std::string report() const override;

  private:
    Result<void> open_store();
    Result<void> open_upstream();
    Result<void> open_listeners();
    Result<std::unique_ptr<Listener>> listen(const ListenAddress& address, SessionHub& sessions,
                                             std::size_t max_open);
    void bound_connections();
    void reload_tls();
    Task<void> housekeeping();
    bool wait_for(const std::function<bool()>& done, SteadyClock::duration limit) const;
    std::size_t running_tasks();

    const Settings& settings_;
    Secrets secrets_;
    Log log_;
    IoThreads threads_;
    std::unique_ptr<Index> index_;
    std::unique_ptr<BlobStore> store_;
    std::unique_ptr<Flights> flights_;
    std::unique_ptr<Upstream> upstream_;
    std::unique_ptr<Revisions> revisions_;
    std::unique_ptr<Aliases> aliases_;
    std::unique_ptr<Refusals> refusals_;
    std::unique_ptr<Access> access_;
    Trees trees_;
    std::unique_ptr<Resolver> resolver_;
    std::unique_ptr<Fetcher> fetcher_;
    std::unique_ptr<Direct> direct_;
    std::unique_ptr<Files> files_;
    std::unique_ptr<Documents> documents_;
    std::unique_ptr<KnownListings> known_listings_;
    std::unique_ptr<Listings> listings_;
    std::unique_ptr<Forward> forward_;
    std::unique_ptr<Reads> reads_;
    std::unique_ptr<Refresher> refresher_;
    std::unique_ptr<Webhook> webhook_;
    std::unique_ptr<Proxy> proxy_;
    std::unique_ptr<RevisionDesk> revision_desk_;
    std::unique_ptr<Admin> admin_;
    ServerTls tls_;
    ServerTls no_tls_;
    std::unique_ptr<SessionHub> sessions_;
    std::unique_ptr<SessionHub> admin_sessions_;
    std::unique_ptr<Listener> listener_;
    std::unique_ptr<Listener> admin_listener_;
    std::size_t max_connections_ = 0;
    std::size_t max_open_ = 0;
    std::atomic<bool> draining_{false};
    std::shared_ptr<Ticket> housekeeper_;  // io thread 0
    bool stopping_ = false;                // io thread 0
};

std::uint64_t limit_of(const CacheSize& size, const DiskSpace& disk) {
    if (size.bytes) return *size.bytes;
    return static_cast<std::uint64_t>(static_cast<double>(disk.total_bytes) * size.percent / 100);
}

Result<void> Daemon::open_store() {
    const fs::path folder = settings_.data_dir;
    const auto made = make_folders(folder);
    if (!made) return made;
    const auto disk = disk_space(folder);
    if (!disk) return std::unexpected(disk.error());
    auto index = SqliteIndex::open(folder / "index.sqlite", threads_.size(), log_);
    if (!index && give_up_ballast(folder)) {
        log_.warn("the disk is full; the reserve in the data folder was given up to start",
                  {{"cause", index.error().message}});
        index = SqliteIndex::open(folder / "index.sqlite", threads_.size(), log_);
    }
    if (!index) return std::unexpected(index.error());
    index_ = std::move(*index);
    DiskBlobStore::Options options;
    options.data_dir = folder;
    options.max_bytes = limit_of(settings_.cache.max_size, *disk);
    auto store = DiskBlobStore::open(options, *index_, log_);
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    keep_ballast(folder);
    flights_ = std::make_unique<Flights>(*store_, log_);
    return {};
}

Result<void> Daemon::open_upstream() {
    const auto url = parse_url(settings_.upstream.endpoint);
    if (!url) return std::unexpected(url.error());
    const auto tls = make_client_tls(settings_.upstream.ca_file);
    if (!tls) return std::unexpected(tls.error());
    ClientSettings client;
    client.connect_timeout = settings_.upstream.connect_timeout;
    client.stall_timeout = settings_.upstream.stall_timeout;
    client.names = std::make_shared<NameCache>(settings_.upstream.dns_ttl);
    if (!settings_.upstream.proxy.empty()) {
        auto proxy = parse_egress_proxy(settings_.upstream.proxy);
        if (!proxy) return std::unexpected(proxy.error());
        proxy->login = secrets_.proxy_login;
        proxy->no_proxy = settings_.upstream.no_proxy;
        client.proxy = std::make_shared<const EgressProxy>(std::move(*proxy));
    }
    std::vector<std::unique_ptr<Client>> clients;
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        clients.push_back(std::make_unique<Client>(threads_.at(i), client, *tls));
    }
    std::vector<Origin> mirrors;
    for (const auto& text : settings_.upstream.mirrors) {
        auto mirror = parse_url(text);
        if (!mirror) return std::unexpected(mirror.error());
        mirrors.push_back(std::move(mirror->origin));
    }
    upstream_ =
        std::make_unique<Upstream>(settings_, url->origin, std::move(mirrors),
                                   std::move(secrets_.service_token), std::move(clients), log_);
    return {};
}

Result<std::unique_ptr<Listener>> Daemon::listen(const ListenAddress& address, SessionHub& sessions,
                                                 std::size_t max_open) {
    const auto accept = [&sessions](IoThread& thread, Socket socket) {
        thread.tasks().spawn("session", sessions.serve(thread, std::move(socket)));
    };
    return Listener::open(threads_, address, accept, log_, max_open);
}

// A client may need three descriptors: its own, the Hub's and the file's.
void Daemon::bound_connections() {
    const std::size_t descriptors = raise_descriptor_limit();
    const auto usable = descriptors - std::min(descriptors, reserved_descriptors);
    max_open_ = std::max<std::size_t>(usable / 3 * 2, min_connections);
    max_connections_ =
        std::min<std::size_t>(settings_.limits.connections, std::max(usable / 3, min_connections));
    if (max_connections_ < settings_.limits.connections) {
        log_.warn(
            "fewer connections than limits.connections are served, because the system "
            "allows this process too few open files (ulimit -n)",
            {{"connections", max_connections_}, {"open_files", descriptors}});
    }
}

Result<void> Daemon::open_listeners() {
    if (!settings_.tls.cert.empty()) {
        auto tls = make_server_tls(settings_.tls.cert, settings_.tls.key);
        if (!tls) return std::unexpected(tls.error());
        tls_.replace(std::move(*tls));
    }
    bound_connections();
    SessionLimits limits;
    limits.connections = max_connections_;
    sessions_ = std::make_unique<SessionHub>(*proxy_, log_, tls_, limits);
    admin_sessions_ = std::make_unique<SessionHub>(*admin_, log_, no_tls_, SessionLimits{});
    auto data = listen({settings_.listen.host, settings_.listen.port}, *sessions_, max_open_);
    if (!data) return std::unexpected(data.error());
    listener_ = std::move(*data);
    auto admin = listen({settings_.admin.listen.host, settings_.admin.listen.port},
                        *admin_sessions_, SIZE_MAX);
    if (!admin) return std::unexpected(admin.error());
    admin_listener_ = std::move(*admin);
    return {};
}

Result<void> Daemon::build(const std::vector<std::string>& notices) {
    for (const auto& notice : notices) log_.warn(notice);
    const auto stored = open_store();
    if (!stored) return stored;
    const auto connected = open_upstream();
    if (!connected) return connected;
    revisions_ = std::make_unique<Revisions>(*index_, settings_.revisions, index_->reader(0));
    refusals_ = std::make_unique<Refusals>(settings_.revisions);
    aliases_ = std::make_unique<Aliases>(*index_);
    access_ = std::make_unique<Access>(*upstream_, *index_);
    resolver_ =
        std::make_unique<Resolver>(*upstream_, *index_, *revisions_, *aliases_, *refusals_, trees_);
    fetcher_ = std::make_unique<Fetcher>(*upstream_, *store_, *flights_, log_);
    direct_ = std::make_unique<Direct>(*fetcher_, *store_);
    files_ = std::make_unique<Files>(settings_, *resolver_, *fetcher_, *direct_, *flights_, *index_,
                                     log_);
    documents_ =
        std::make_unique<Documents>(*upstream_, *index_, *revisions_, *aliases_, *refusals_);
    known_listings_ = std::make_unique<KnownListings>(*index_, trees_);
    listings_ = std::make_unique<Listings>(settings_, *upstream_, *index_, *revisions_, *aliases_,
                                           *documents_, *known_listings_);
    forward_ = std::make_unique<Forward>(settings_, *upstream_);
    std::optional<Origin> viewer;
    if (!settings_.upstream.datasets_server.empty()) {
        const auto url = parse_url(settings_.upstream.datasets_server);
        if (!url) return std::unexpected(url.error());
        viewer = url->origin;
    }
    reads_ = std::make_unique<Reads>(settings_, *upstream_, *access_, *index_, *files_, *forward_,
                                     std::move(viewer));
    refresher_ = std::make_unique<Refresher>(*upstream_, *index_, *access_, *revisions_, *aliases_,
                                             *refusals_);
    webhook_ = std::make_unique<Webhook>(std::move(secrets_.webhook), *refresher_, log_);
    proxy_ = std::make_unique<Proxy>(settings_, *access_, *files_, *listings_, *reads_, *forward_,
                                     *webhook_, *upstream_, *this);
    revision_desk_ = std::make_unique<RevisionDesk>(*index_, *revisions_, *refresher_);
    admin_ = std::make_unique<Admin>(*this, *store_, *flights_, *upstream_, *revision_desk_);
    return open_listeners();
}

std::string Daemon::report() const {
    std::string text = draining_ ? "stopping\n" : "index ok\nstore ok\n";
    text += upstream_->worth_asking() ? "hub ok\n" : "hub degraded: " + upstream_->why_not() + "\n";
    return text + upstream_->report();
}

void Daemon::announce() const {
    const auto usage = store_->usage();
    const auto host_for = [](const Listener& listener) {
        const auto host = listener.host();
        if (host != "0.0.0.0" && host != "::" && !host.empty()) {
            return host.find(':') == std::string::npos ? host : "[" + host + "]";
        }
        char name[256] = "localhost";
        ::gethostname(name, sizeof name - 1);
        return std::string(name);
    };
    const char* const scheme = tls_.current() ? "https" : "http";
    const auto url =
        settings_.public_url.empty()
            ? fmt::format("{}://{}:{}", scheme, host_for(*listener_), listener_->port())
            : settings_.public_url;
    constexpr double gib = 1024.0 * 1024 * 1024;
    fmt::print("hubkeep {}  listening {}:{}   admin {}:{}\n", HUBKEEP_VERSION, listener_->host(),
               listener_->port(), admin_listener_->host(), admin_listener_->port());
    fmt::print("store  {}   limit {:.1f} GiB, {:.1f} GiB used by {} files\n", settings_.data_dir,
               static_cast<double>(usage.limit_bytes) / gib,
               static_cast<double>(usage.blob_bytes) / gib, usage.blobs);
    fmt::print("token  {}\n", upstream_->has_service_token()
                                  ? "set: it is used for every client that reaches this address"
                                  : "none: clients' own tokens are passed to the Hub");
    fmt::print("hub    {}{}\n", upstream_->hub().url(),
               upstream_->offline() ? "   offline: it is never asked" : "");
    fmt::print("Use it:  export HF_ENDPOINT={}\n", url);
    std::fflush(stdout);
}

Task<void> Daemon::housekeeping() {
    const Executor executor = co_await asio::this_coro::executor;
    while (!stopping_) {
        housekeeper_ = std::make_shared<Ticket>(executor);
        co_await wait(housekeeper_, SteadyClock::now() + sweep_interval);
        co_await flights_->sweep(stopping_);
    }
}

void Daemon::reload_tls() {
    if (settings_.tls.cert.empty()) return;
    auto tls = make_server_tls(settings_.tls.cert, settings_.tls.key);
    if (!tls) {
        log_.error("the certificate was not reloaded; the old one stays",
                   {{"cause", tls.error().message}});
        return;
    }
    tls_.replace(std::move(*tls));
    log_.info("the certificate was reloaded");
}

void Daemon::run() {
    threads_.start();
    threads_.at(0).post([this] { threads_.at(0).tasks().spawn("housekeeping", housekeeping()); });
    listener_->start();
    admin_listener_->start();
    announce();
    const auto set = awaited_signals();
    for (int number = 0; sigwait(&set, &number) == 0;) {
        if (number != SIGHUP) break;
        reload_tls();
    }
}

bool Daemon::wait_for(const std::function<bool()>& done, SteadyClock::duration limit) const {
    const auto until = SteadyClock::now() + limit;
    const auto set = awaited_signals();
    while (!done()) {
        if (SteadyClock::now() > until) return false;
        const timespec pause{0, 20'000'000};
        const int number = sigtimedwait(&set, nullptr, &pause);
        if (number == SIGTERM || number == SIGINT) return false;  // asked twice: no more waiting
    }
    return true;
}

std::size_t Daemon::running_tasks() {
    std::atomic<std::size_t> count = 0;  // the threads add to it side by side
    threads_.on_each([&](IoThread& thread) { count += thread.tasks().size(); });
    return count;
}

void Daemon::stop() {
    draining_ = true;
    log_.info("stopping: no new connections, answers under way are finished");
    listener_->stop();
    sessions_->drain(threads_);
    wait_for([this] { return sessions_->open() == 0; }, drain_time);
    admin_listener_->stop();
    admin_sessions_->drain(threads_);
    upstream_->stop();
    threads_.at(0).post([this] {
        stopping_ = true;
        if (housekeeper_) wake({housekeeper_});
    });
    const auto ended = [this] {
        threads_.on_each([this](IoThread& thread) {
            upstream_->client(thread).close_idle();
            thread.close_streams();
        });
        return running_tasks() == 0;
    };
    const bool clean = wait_for(ended, end_time);
    if (!clean) {
        // Everything that has to last is on disk or in the queue; waiting longer helps nobody.
        log_.warn("some tasks did not end in time");
        store_->stop();
        index_->stop();
        log_.flush();
        std::_Exit(0);
    }
    threads_.join();
    store_->stop();
    index_->stop();
    log_.info("stopped");
}

}  // namespace

int run_daemon(const Settings& settings, Secrets secrets, const std::vector<std::string>& notices) {
    const auto set = awaited_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    Daemon daemon(settings, std::move(secrets));
    const auto built = daemon.build(notices);
    if (!built) {
        fmt::print(stderr, "hubkeep: {}\n", built.error().message);
        return 1;
    }
    daemon.run();
    daemon.stop();
    return 0;
}

}  // namespace hubkeep
