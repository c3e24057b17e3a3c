#include "config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/file.hpp"
#include "config/schema.hpp"
#include "config/token_sources.hpp"
#include "config/validate.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_file = 1024 * 1024;

class Loader {
  public:
    explicit Loader(const LoadInput& input) : input_(input) {}
    std::expected<Loaded, Problems> run();

  private:
    std::string variable(std::string_view name) const;
    void read_file();
    void take(const SettingSource& source);
    void take(const Given& given);
    std::string expand(const Setting& setting, std::string text) const;
    void fill_data_dir();
    void read_secrets();
    void read_tokens();
    void read_secret(std::string_view key, const std::string& file, Secret& out);
    void read_client_keys();
    void validate();
    std::string line_about(const Finding& finding) const;

    const LoadInput& input_;
    Loaded loaded_;
    Problems problems_;
    std::set<std::string, std::less<>> failed_;  // keys whose value could not be read
};

std::string Loader::variable(std::string_view name) const {
    for (const auto& [key, value] : input_.environment) {
        if (key == name) return value;
    }
    return {};
}

void Loader::read_file() {
    auto path = input_.file.value_or(variable("HUBKEEP_CONFIG"));
    const bool is_asked_for = !path.empty();
    if (!is_asked_for) path = input_.default_file;
    const auto content = read_small_file(path, max_file);
    if (!content) {
        const bool is_absent = content.error().kind == ErrorKind::not_found;
        if (is_asked_for || !is_absent) problems_.push_back(content.error().message);
        return;
    }
    loaded_.file = path;
    take(read_yaml(path, *content));
}

void Loader::take(const SettingSource& source) {
    problems_.insert(problems_.end(), source.problems.begin(), source.problems.end());
    loaded_.notices.insert(loaded_.notices.end(), source.notices.begin(), source.notices.end());
    for (const auto& given : source.given) take(given);
}

void Loader::take(const Given& given) {
    const auto& setting = *find_setting(given.key);
    const auto read = setting.read(loaded_.settings, expand(setting, given.text));
    if (read) {
        loaded_.origins[given.key] = given.place;
        return;
    }
    failed_.insert(given.key);
    // A flag or variable names the setting already, a place in a file does not.
    const bool in_file = given.place.contains(':');
    const auto name = in_file ? fmt::format("{}: ", given.key) : std::string();
    problems_.push_back(fmt::format("{}: {}{}", given.place, name, read.error().message));
}

// Files have no shell that would put the home folder in; a URL may end with one slash too many.
std::string Loader::expand(const Setting& setting, std::string text) const {
    const auto home = variable("HOME");
    if (setting.is_path() && text.starts_with("~/") && !home.empty()) text.replace(0, 1, home);
    if (setting.value_name == "URL" && text.ends_with('/')) text.pop_back();
    return text;
}

void Loader::fill_data_dir() {
    auto& folder = loaded_.settings.data_dir;
    const auto home = variable("HOME");
    if (!folder.empty()) return;
    if (input_.is_root) folder = "/var/lib/hubkeep";
    else if (!home.empty()) folder = home + "/.local/share/hubkeep";
}

std::string Loader::line_about(const Finding& finding) const {
    for (const auto key : finding.keys) {
        const auto origin = loaded_.origins.find(key);
        if (origin == loaded_.origins.end()) continue;
        return fmt::format("{}: {} {}", origin->second, finding.keys.front(), finding.message);
    }
    return fmt::format("{} {}", finding.keys.front(), finding.message);
}

void Loader::validate() {
    for (const auto& finding : find_problems(loaded_.settings)) {
        // What could not be read was reported; what follows from it would only confuse.
        const auto has_failed = [&](std::string_view key) { return failed_.contains(key); };
        if (std::ranges::any_of(finding.keys, has_failed)) continue;
        problems_.push_back(line_about(finding));
    }
}

void Loader::read_tokens() {
    for (const auto key : {"upstream.token_file", "upstream.token_command", "upstream.tokens"}) {
        if (failed_.contains(key)) return;
    }
    auto found = find_service_tokens(loaded_.settings, input_.environment, input_.tokens);
    for (const auto& problem : found.problems) {
        problems_.push_back(problem.key.empty() ? problem.message
                                                : line_about({{problem.key}, problem.message}));
    }
    std::ranges::move(found.notices, std::back_inserter(loaded_.notices));
    loaded_.secrets.service_tokens = std::move(found.tokens);
}

void Loader::read_secret(std::string_view key, const std::string& file, Secret& out) {
    if (file.empty() || failed_.contains(key)) return;
    auto secret = read_secret_file(file);
    if (secret) {
        out = std::move(*secret);
    } else {
        problems_.push_back(line_about({{key}, "cannot be used: " + secret.error().message}));
    }
}

void Loader::read_secrets() {
    read_tokens();
    const auto& settings = loaded_.settings;
    read_secret("webhook.secret_file", settings.webhook.secret_file, loaded_.secrets.webhook);
    read_secret("upstream.proxy_auth_file", settings.upstream.proxy_auth_file,
                loaded_.secrets.proxy_login);
    read_secret("admin.token_file", settings.admin.token_file, loaded_.secrets.admin);
    read_client_keys();
}

void Loader::read_client_keys() {
    if (loaded_.settings.data_dir.empty()) return;
    auto keys = load_client_keys(loaded_.settings.data_dir);
    if (keys) {
        loaded_.secrets.client_keys = std::move(*keys);
    } else {
        problems_.push_back(keys.error().message);
    }
}

std::expected<Loaded, Problems> Loader::run() {
    read_file();
    take(read_environment(input_.environment));
    for (const auto& flag : input_.flags) take(flag);
    fill_data_dir();
    validate();
    if (input_.with_secrets) read_secrets();
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    for (const auto& risk : find_risks(loaded_.settings, !loaded_.secrets.service_tokens.empty())) {
        loaded_.notices.push_back(line_about(risk));
    }
    return std::move(loaded_);
}

}  // namespace

std::expected<Loaded, Problems> load_settings(const LoadInput& input) {
    return Loader(input).run();
}

}  // namespace hubkeep
