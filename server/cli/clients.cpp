#include "server/cli/clients.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <map>

#include "common/file.hpp"
#include "config/client_words.hpp"
#include "config/text.hpp"
#include "config/values.hpp"
#include "server/cli/admin_call.hpp"
#include "server/cli/reload.hpp"
#include "server/cli/table.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view add_usage =
    "Usage: hubkeep client add NAME [--team TEAM] [--expires 90d|2026-12-31] [--repos GLOB,..]\n"
    "                          [--max-concurrent N] [--per-minute N] [FLAG...]\n";
constexpr std::string_view remove_usage = "Usage: hubkeep client rm NAME [FLAG...]\n";

std::int64_t now() {
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

std::string given(const CLI::Option* option) {
    return option->count() == 0 ? std::string() : option->results().back();
}

int complain(std::string_view verb, std::string_view what, int code = exit_failed) {
    fmt::print(stderr, "hubkeep client {}: {}\n", verb, what);
    return code;
}

// When the daemon has seen each key last, by fingerprint; empty when it does not answer.
std::map<std::string, std::string> last_uses(const Loaded& loaded) {
    std::map<std::string, std::string> uses;
    const auto answer = call_admin(loaded, "GET", "/clients", {});
    boost::system::error_code ec;
    const auto document = boost::json::parse(answer ? answer->body : "", ec);
    const auto* const clients = ec ? nullptr : document.find_pointer("/clients", ec);
    if (clients == nullptr || !clients->is_array()) return uses;
    for (const auto& client : clients->get_array()) {
        const auto* const fingerprint = client.find_pointer("/fingerprint", ec);
        const auto* const used = client.find_pointer("/last_used", ec);
        if (fingerprint && fingerprint->is_string() && used && used->is_string()) {
            uses.emplace(fingerprint->get_string(), used->get_string());
        }
    }
    return uses;
}

std::string limits_text(const ClientLimits& limits) {
    std::vector<std::string> parts;
    if (limits.concurrent != 0) parts.push_back(fmt::format("{} at once", limits.concurrent));
    if (limits.per_minute != 0) parts.push_back(fmt::format("{} a minute", limits.per_minute));
    return fmt::format("{}", fmt::join(parts, ", "));
}

void print_list(const std::vector<ClientKey>& keys,
                const std::map<std::string, std::string>& uses) {
    std::vector<std::vector<std::string>> rows{
        {"NAME", "TEAM", "KEY", "EXPIRES", "LAST USED", "REPOS", "LIMITS"}};
    for (const auto& key : keys) {
        auto expires = key.expires ? time_text(*key.expires) : "never";
        if (key.is_expired(now())) expires += " (expired)";
        const auto used = uses.find(key.fingerprint());
        rows.push_back({key.name, key.team, key.fingerprint(), expires,
                        used == uses.end() ? "" : used->second,
                        key.repos.empty() ? "all" : fmt::format("{}", fmt::join(key.repos, ",")),
                        limits_text(key.limits)});
    }
    print_table(rows);
}

void print_json(const std::vector<ClientKey>& keys,
                const std::map<std::string, std::string>& uses) {
    std::vector<ClientReport> reports;
    for (const auto& key : keys) reports.push_back({key, 0});
    auto document = boost::json::parse(to_json(reports, now()));
    for (auto& client : document.at("clients").as_array()) {
        const auto used = uses.find(std::string(client.at("fingerprint").as_string()));
        if (used != uses.end()) client.as_object()["last_used"] = used->second;
    }
    fmt::print("{}\n", boost::json::serialize(document));
}

Result<void> read_limit(const CLI::Option* option, std::string_view name, unsigned& out) {
    if (option->count() == 0) return {};
    const auto read = read_value(given(option), out);
    if (read && out != 0) return {};
    return fail(ErrorKind::invalid, fmt::format("{} is not a number from 1 on", name));
}

}  // namespace

ClientAddCommand::ClientAddCommand(CLI::App& client)
    : Command(*client.add_subcommand("add")),
      flags_(app()),
      name_(app().add_option("NAME")),
      team_(app().add_option("--team")),
      expires_(app().add_option("--expires")),
      repos_(app().add_option("--repos")),
      max_concurrent_(app().add_option("--max-concurrent")),
      per_minute_(app().add_option("--per-minute")) {}

std::string ClientAddCommand::help() const {
    return std::string(add_usage) +
           "\nMakes a key and prints it, this once. A client sends it as its Hub token: "
           "HF_TOKEN=<key>.\n"
           "hubkeep keeps its digest, and never shows the key to the Hub.\n\n"
           "  --team            for rules about team:TEAM\n"
           "  --expires         a time from now on, or the last day (UTC)\n"
           "  --repos           the only repositories that the key is good for\n"
           "  --max-concurrent  so many requests at once, more are refused (429)\n"
           "  --per-minute      so many requests in a minute, more are refused (429)\n\n" +
           help_on_sources();
}

Result<ClientKey> ClientAddCommand::asked_for() const {
    ClientKey key;
    key.name = given(name_);
    key.team = given(team_);
    key.created = now();
    key.repos = split_list(given(repos_));
    const auto check_name = [](const char* what, const std::string& name) -> Result<void> {
        if (is_client_name(name)) return {};
        return fail(ErrorKind::invalid,
                    fmt::format("{} takes 1 to 64 letters, digits, dots, dashes, underscores, "
                                "@ and +, and begins with a letter or digit",
                                what));
    };
    const auto named = check_name("NAME", key.name);
    if (!named) return std::unexpected(named.error());
    const auto grouped = team_->count() == 0 ? Result<void>() : check_name("--team", key.team);
    if (!grouped) return std::unexpected(grouped.error());
    if (expires_->count() != 0) {
        const auto expires = parse_expiry(given(expires_), key.created);
        if (!expires) return fail(ErrorKind::invalid, "--expires " + expires.error().message);
        key.expires = *expires;
    }
    for (const auto& [option, name, limit] :
         {std::tuple(max_concurrent_, "--max-concurrent", &key.limits.concurrent),
          std::tuple(per_minute_, "--per-minute", &key.limits.per_minute)}) {
        const auto read = read_limit(option, name, *limit);
        if (!read) return std::unexpected(read.error());
    }
    return key;
}

int ClientAddCommand::run(const ProcessInput& input) {
    if (name_->count() == 0) {
        fmt::print(stderr, "{}", add_usage);
        return exit_usage;
    }
    auto key = asked_for();
    if (!key) return complain("add", key.error().message, exit_usage);
    const auto loaded = load_without_secrets(flags_, input);
    if (!loaded) return loaded.error();
    const auto& data_dir = loaded->settings.data_dir;
    const auto prepared = prepare_data_dir(data_dir);
    if (!prepared) return complain("add", prepared.error().message);
    const auto text = make_client_key();
    if (!text) return complain("add", text.error().message);
    key->digest = digest_of(DigestKind::sha256, text->reveal());
    const auto added = change_client_keys(
        data_dir, [&](std::vector<ClientKey>& keys) { return add_key(keys, *key); });
    if (!added) return complain("add", added.error().message);
    fmt::print(stderr, "The key of {}, shown only now. On the client: HF_TOKEN=<this key>\n",
               key->name);
    fmt::print("{}\n", text->reveal());
    std::fflush(stdout);
    return reload_daemon(*loaded, "it");
}

ClientListCommand::ClientListCommand(CLI::App& client)
    : Command(*client.add_subcommand("ls")), flags_(app()), json_(app().add_flag("--json")) {}

std::string ClientListCommand::help() const {
    return "Usage: hubkeep client ls [--json] [FLAG...]\n\n"
           "Lists the clients that have a key, never the keys. KEY is the beginning of its "
           "SHA-256.\n\n" +
           help_on_sources();
}

int ClientListCommand::run(const ProcessInput& input) {
    const auto loaded = load_without_secrets(flags_, input);
    if (!loaded) return loaded.error();
    auto keys = load_client_keys(loaded->settings.data_dir);
    if (!keys) return complain("ls", keys.error().message);
    std::ranges::sort(*keys, {}, &ClientKey::name);
    const auto uses = last_uses(*loaded);
    if (json_->count() != 0) print_json(*keys, uses);
    else print_list(*keys, uses);
    return exit_ok;
}

ClientRemoveCommand::ClientRemoveCommand(CLI::App& client)
    : Command(*client.add_subcommand("rm")), flags_(app()), name_(app().add_option("NAME")) {}

std::string ClientRemoveCommand::help() const {
    return std::string(remove_usage) +
           "\nThe key of that client is refused from now on, also where none is needed.\n\n" +
           help_on_sources();
}

int ClientRemoveCommand::run(const ProcessInput& input) {
    if (name_->count() == 0) {
        fmt::print(stderr, "{}", remove_usage);
        return exit_usage;
    }
    const auto loaded = load_without_secrets(flags_, input);
    if (!loaded) return loaded.error();
    const auto name = given(name_);
    const auto removed =
        change_client_keys(loaded->settings.data_dir,
                           [&](std::vector<ClientKey>& keys) { return remove_key(keys, name); });
    if (!removed) return complain("rm", removed.error().message);
    fmt::print("{} has no key any more\n", name);
    return reload_daemon(*loaded, "that");
}

}  // namespace hubkeep
