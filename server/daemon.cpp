#include "server/daemon.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <future>
#include <thread>

#include "config/admin_token.hpp"
#include "config/exposure.hpp"
#include "server/daemon_parts.hpp"
#include "server/daemon_reload.hpp"
#include "server/net/descriptors.hpp"
#include "server/net/listener.hpp"

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
    Daemon(const Settings& settings, const LoadAgain& load_again)
        : settings_(settings),
          log_(settings.log.level, settings.log.format),
          threads_(settings.threads != 0 ? settings.threads
                                         : std::max(1u, std::thread::hardware_concurrency()),
                   log_),
          reload_(settings, load_again, parts_, tls_, log_) {}

    Result<void> build(Secrets secrets, const std::vector<std::string>& notices);
    void announce() const;
    void run();
    void stop();

    bool ready() const override { return !draining_.load(); }
    std::string report() const override;

  private:
    Result<void> open_listeners();
    Result<std::unique_ptr<Listener>> listen(const ListenAddress& address, SessionHub& sessions,
                                             std::size_t max_open);
    void bound_connections();
    Task<void> housekeeping();
    bool wait_for(const std::function<bool()>& done, SteadyClock::duration limit) const;
    std::size_t running_tasks();

    const Settings& settings_;
    Log log_;
    IoThreads threads_;
    DaemonParts parts_;
    ServerTls tls_;
    ServerTls no_tls_;
    DaemonReload reload_;
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
        auto tls = make_server_tls(settings_.tls.cert, settings_.tls.key, settings_.tls.client_ca);
        if (!tls) return std::unexpected(tls.error());
        tls_.replace(std::move(*tls));
    }
    bound_connections();
    SessionLimits limits;
    limits.connections = max_connections_;
    sessions_ = std::make_unique<SessionHub>(parts_.data_handler(), log_, tls_, limits);
    parts_.metrics->watch(*sessions_);
    admin_sessions_ = std::make_unique<SessionHub>(parts_.admin_handler(), log_, no_tls_,
                                                   SessionLimits{.open_to_pages = false});
    auto data = listen({settings_.listen.host, settings_.listen.port, {}}, *sessions_, max_open_);
    if (!data) return std::unexpected(data.error());
    listener_ = std::move(*data);
    const auto& place = settings_.admin.listen;
    auto admin =
        listen({place.tcp.host, place.tcp.port, place.socket_file}, *admin_sessions_, SIZE_MAX);
    if (!admin) return std::unexpected(admin.error());
    admin_listener_ = std::move(*admin);
    return {};
}

Result<void> Daemon::build(Secrets secrets, const std::vector<std::string>& notices) {
    for (const auto& notice : notices) log_.warn(notice);
    const auto built =
        parts_.build({settings_, *this, reload_, threads_, log_}, std::move(secrets));
    return built ? open_listeners() : built;
}

std::string Daemon::report() const {
    std::string text = draining_ ? "stopping\n" : "index ok\nstore ok\n";
    text += parts_.upstream->worth_asking() ? "hub ok\n"
                                            : "hub degraded: " + parts_.upstream->why_not() + "\n";
    return text + parts_.upstream->report();
}

void Daemon::announce() const {
    const auto usage = parts_.store->usage();
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
    fmt::print("hubkeep {}  listening {}\n", HUBKEEP_VERSION, listener_->address());
    fmt::print("admin  {}   {}\n", admin_listener_->address(),
               settings_.admin.listen.socket_file.empty()
                   ? "token in " + admin_token_file(settings_).string()
                   : "no token: only the owner of the file may open it");
    fmt::print("store  {}   limit {:.1f} GiB, {:.1f} GiB used by {} files\n", settings_.data_dir,
               static_cast<double>(usage.limit_bytes) / gib,
               static_cast<double>(usage.blob_bytes) / gib, usage.blobs);
    std::vector<std::string> names;
    for (const auto& line : parts_.tokens->lines()) names.push_back(line.token.name);
    fmt::print("token  {}: {}\n",
               names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")),
               who_may_read(settings_, !names.empty()));
    fmt::print("hub    {}{}\n", parts_.upstream->hub().url(),
               parts_.upstream->offline() ? "   offline: it is never asked" : "");
    fmt::print("Use it:  export HF_ENDPOINT={}\n", url);
    std::fflush(stdout);
}

Task<void> Daemon::housekeeping() {
    const Executor executor = co_await asio::this_coro::executor;
    while (!stopping_) {
        housekeeper_ = std::make_shared<Ticket>(executor);
        co_await wait(housekeeper_, SteadyClock::now() + sweep_interval);
        co_await parts_.flights->sweep(stopping_);
    }
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
        reload_.reload();
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
    parts_.upstream->stop();
    threads_.at(0).post([this] {
        stopping_ = true;
        if (housekeeper_) wake({housekeeper_});
    });
    const auto ended = [this] {
        threads_.on_each([this](IoThread& thread) {
            parts_.upstream->client(thread).close_idle();
            thread.close_streams();
        });
        return running_tasks() == 0;
    };
    const bool clean = wait_for(ended, end_time);
    if (!clean) {
        // Everything that has to last is on disk or in the queue; waiting longer helps nobody.
        log_.warn("some tasks did not end in time");
        parts_.store->stop();
        parts_.index->stop();
        log_.flush();
        std::_Exit(0);
    }
    threads_.join();
    parts_.store->stop();
    parts_.index->stop();
    log_.info("stopped");
}

}  // namespace

int run_daemon(Loaded loaded, const LoadAgain& load_again) {
    const auto set = awaited_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    Daemon daemon(loaded.settings, load_again);
    const auto built = daemon.build(std::move(loaded.secrets), loaded.notices);
    if (!built) {
        fmt::print(stderr, "hubkeep: {}\n", built.error().message);
        return 1;
    }
    daemon.run();
    daemon.stop();
    return 0;
}

}  // namespace hubkeep
