#include "server/cli/doctor.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/json.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <chrono>
#include <cstdio>
#include <sstream>

#include "common/private_file.hpp"
#include "config/client_keys.hpp"
#include "config/exposure.hpp"
#include "server/cli/admin_call.hpp"
#include "server/cli/token_list.hpp"

namespace hubkeep {
namespace {

using Level = Check::Level;

constexpr double few_bytes = 1024.0 * 1024 * 1024;
constexpr auto soon = std::chrono::days(7);
constexpr auto patience = std::chrono::seconds(10);

std::string utc_text(std::chrono::system_clock::time_point time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

// What the checks have in common, and what they found. Each looks at one thing.
class Examination {
  public:
    Examination(Loaded loaded, std::vector<Check>& checks)
        : loaded_(std::move(loaded)), checks_(checks) {}
    void run();

  private:
    void look_at_settings();
    void look_at_data_dir();
    void look_at_daemon();
    void look_at_hub();
    void look_at_tokens();
    void look_at_token(const ListedToken& token);
    void look_at_sharing();
    void look_at_keys();
    void add_expiry(const std::string& about, const std::string& expires_at, std::string remedy);
    void add(Level level, std::string about, std::string what, std::string remedy = {}) {
        checks_.push_back({level, std::move(about), std::move(what), std::move(remedy)});
    }

    const Loaded loaded_;
    std::vector<Check>& checks_;
    bool is_running_ = false;
};

void Examination::look_at_settings() {
    if (loaded_.notices.empty()) {
        add(Level::ok, "settings", loaded_.file.value_or("without a file") + ": no mistakes");
    }
    for (const auto& notice : loaded_.notices) {
        add(Level::warning, "settings", notice, "See `hubkeep config show --origin`.");
    }
}

void Examination::look_at_data_dir() {
    const fs::path folder = loaded_.settings.data_dir;
    const auto found = permissions_of(folder);
    if (!found) {
        const bool is_absent = found.error().kind == ErrorKind::not_found;
        return add(
            is_absent ? Level::ok : Level::problem, "data_dir",
            is_absent ? folder.string() + " is made at the first start" : found.error().message,
            is_absent ? "" : "Name a folder in data_dir that hubkeep's user may use.");
    }
    const auto probe = folder / ".doctor";
    const auto written = write_private_file(probe, "x");
    remove_file(probe);
    if (!written) {
        add(Level::problem, "data_dir", written.error().message,
            "Run this as the user whom hubkeep runs as; if it is, give it the folder.");
    }
    const auto disk = disk_space(folder);
    if (!disk) return add(Level::problem, "data_dir", disk.error().message);
    const auto free = static_cast<double>(disk->free_bytes);
    auto what = fmt::format("{}: {:.1f} GiB of {:.1f} GiB are free", folder.string(),
                            free / few_bytes, static_cast<double>(disk->total_bytes) / few_bytes);
    if (free >= few_bytes) return add(Level::ok, "data_dir", std::move(what));
    add(Level::warning, "data_dir", std::move(what), "Make room, or set a smaller cache.max_size.");
}

// Its own report is a line per part: "hub degraded: why".
void Examination::look_at_daemon() {
    const auto status = call_admin(loaded_, "GET", "/status", "");
    if (!status) {
        const bool is_absent = status.error().kind == ErrorKind::unreachable;
        return add(is_absent ? Level::warning : Level::problem, "daemon", status.error().message,
                   is_absent ? "Start it with `hubkeep serve`." : "See admin.token_file.");
    }
    is_running_ = true;
    add(Level::ok, "daemon", "it runs and answers at admin.listen");
    const auto ready = call_admin(loaded_, "GET", "/readyz", "");
    if (!ready) return add(Level::problem, "daemon", ready.error().message);
    if (ready->status != 200) add(Level::problem, "daemon", "it is not ready", "See its log.");
    std::istringstream lines(ready->body);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("token ")) continue;
        const bool is_bad = line.contains(" degraded") || line.contains(" used up");
        add(is_bad ? Level::warning : Level::ok, "daemon", line,
            is_bad ? "What is cached is served meanwhile; see its log for the cause." : "");
    }
}

// Whether a connection can be made; a running daemon has told of more than that.
void Examination::look_at_hub() {
    const auto& upstream = loaded_.settings.upstream;
    if (is_running_ || loaded_.settings.offline || !upstream.proxy.empty()) return;
    const auto url = boost::urls::parse_uri(upstream.endpoint);
    if (!url) return;
    const bool is_tls = url->scheme_id() == boost::urls::scheme::https;
    const std::string port = url->has_port() ? std::string(url->port()) : is_tls ? "443" : "80";
    boost::asio::io_context context;
    boost::asio::ip::tcp::resolver resolver(context);
    boost::beast::tcp_stream stream(context);
    boost::system::error_code result = boost::asio::error::timed_out;
    resolver.async_resolve(url->host_address(), port, [&](auto ec, auto found) {
        result = ec;
        if (ec) return;
        stream.expires_after(patience);
        stream.async_connect(found, [&](auto failed, const auto&) { result = failed; });
    });
    context.run_for(patience);
    if (!result) return add(Level::ok, "hub", upstream.endpoint + " can be reached");
    add(Level::problem, "hub",
        fmt::format("{} cannot be reached ({})", upstream.endpoint, result.message()),
        "See the network and the firewall, or set upstream.proxy.");
}

void Examination::add_expiry(const std::string& about, const std::string& expires_at,
                             std::string remedy) {
    // Both are RFC 3339 in UTC, which sorts as text up to the seconds.
    constexpr std::size_t seconds_end = 19;
    const auto until = expires_at.substr(0, seconds_end);
    const auto now = std::chrono::system_clock::now();
    if (until.empty() || until > utc_text(now + soon)) return;
    const bool is_over = until <= utc_text(now);
    add(is_over ? Level::problem : Level::warning, about,
        (is_over ? "expired at " : "expires at ") + expires_at, std::move(remedy));
}

void Examination::look_at_token(const ListedToken& token) {
    const auto about = "token " + token.name;
    if (token.state == "refused") {
        add(Level::problem, about, fmt::format("the Hub refuses it ({})", token.cause),
            "Make a new one at the Hub, put it in the same place and run `hubkeep reload`.");
    } else if (!token.account_error.empty()) {
        add(Level::warning, about, "the Hub does not say whose it is: " + token.account_error);
    } else if (token.account.empty()) {
        add(Level::ok, about, "can be read, from: " + token.where);
    } else {
        add(Level::ok, about,
            fmt::format("of {}{}", token.account,
                        token.role.empty() ? "" : fmt::format(", role {}", token.role)));
    }
    if (token.role == "write") {
        add(Level::warning, about, "it may also change things at the Hub",
            "hubkeep only reads: a token with the role read does, and costs less when it leaks.");
    }
    add_expiry(about, token.expires_at, "Make a new one at the Hub in time.");
}

void Examination::look_at_tokens() {
    const auto list = is_running_ ? ask_for_tokens(loaded_)
                                  : Result<TokenList>(list_of(loaded_.secrets.service_tokens));
    if (!list) return add(Level::problem, "tokens", list.error().message);
    for (const auto& token : list->tokens) look_at_token(token);
}

void Examination::look_at_sharing() {
    const bool has_token = !loaded_.secrets.service_tokens.empty();
    const auto sentence = who_may_read(loaded_.settings, has_token);
    if (!is_exposed(loaded_.settings, has_token)) return add(Level::ok, "sharing", sentence);
    add(Level::warning, "sharing", sentence,
        "Give clients keys (`hubkeep client add`) and let only known networks in without "
        "(clients.anonymous), or set access.sharing to verify.");
}

void Examination::look_at_keys() {
    const auto keys = load_client_keys(loaded_.settings.data_dir);
    if (!keys) return add(Level::problem, "keys", keys.error().message);
    if (!keys->empty()) add(Level::ok, "keys", fmt::format("{} clients have one", keys->size()));
    for (const auto& key : *keys) {
        if (!key.expires) continue;
        const std::chrono::system_clock::time_point end{std::chrono::seconds(*key.expires)};
        add_expiry(
            "key of " + key.name, utc_text(end),
            "Make another with `hubkeep client add`, or remove it with `hubkeep client rm`.");
    }
}

void Examination::run() {
    for (const auto look :
         {&Examination::look_at_settings, &Examination::look_at_data_dir,
          &Examination::look_at_daemon, &Examination::look_at_hub, &Examination::look_at_tokens,
          &Examination::look_at_sharing, &Examination::look_at_keys}) {
        (this->*look)();
    }
}

std::string_view name_of(Level level) {
    switch (level) {
        case Level::ok: return "ok";
        case Level::warning: return "warning";
        case Level::problem: return "problem";
    }
    return "";
}

void print_text(const std::vector<Check>& checks) {
    for (const auto& check : checks) {
        fmt::print("{:<8} {}: {}\n", name_of(check.level), check.about, check.what);
        if (!check.remedy.empty()) fmt::print("{:<8} {}\n", "", check.remedy);
    }
}

void print_json(const std::vector<Check>& checks) {
    boost::json::array list;
    for (const auto& check : checks) {
        list.push_back(boost::json::object{{"level", name_of(check.level)},
                                           {"about", check.about},
                                           {"what", check.what},
                                           {"remedy", check.remedy}});
    }
    const boost::json::object document{{"checks", std::move(list)}};
    fmt::print("{}\n", boost::json::serialize(document));
}

}  // namespace

DoctorCommand::DoctorCommand(CLI::App& root)
    : Command(*root.add_subcommand("doctor")), flags_(app()), json_(app().add_flag("--json")) {}

std::string DoctorCommand::help() const {
    return "Usage: hubkeep doctor [--json] [FLAG...]\n\n"
           "Looks at the settings, the data folder, the running hubkeep, the Hub, the tokens, who "
           "may\nread what is not public, and the keys of clients, and says what to do. Ends with "
           "1 when\nthere is a problem.\n\n" +
           help_on_sources();
}

int DoctorCommand::run(const ProcessInput& input) {
    std::vector<Check> checks;
    auto loaded = load_settings(load_input(flags_, input));
    if (loaded) {
        Examination(std::move(*loaded), checks).run();
    } else {
        for (const auto& problem : loaded.error()) {
            checks.push_back({Level::problem, "settings", problem,
                              "Nothing else was looked at: put this right first."});
        }
    }
    if (json_->count() != 0) print_json(checks);
    else print_text(checks);
    const auto is_problem = [](const Check& check) { return check.level == Level::problem; };
    return std::ranges::any_of(checks, is_problem) ? exit_failed : exit_ok;
}

}  // namespace hubkeep
