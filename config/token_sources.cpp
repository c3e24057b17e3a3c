#include "config/token_sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "config/stored_tokens.hpp"
#include "config/text.hpp"
#include "config/token_command.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view default_credential = "hf-token";
constexpr std::string_view tokens_key = "upstream.tokens";

// One place where the default may be.
struct Place {
    std::string name;      // in notices
    std::string_view key;  // "" when no setting names it
    std::string where;
    bool is_given = false;
    std::function<Result<Secret>()> read;
};

class Finder {
  public:
    Finder(const Settings& settings, const Environment& environment,
           const EnvironmentTokens& from_environment)
        : settings_(settings), environment_(environment), from_environment_(from_environment) {}
    FoundTokens run();

  private:
    std::string variable(std::string_view name) const;
    std::string path_of_credential(std::string_view name) const;
    Result<Secret> read_credential(const std::string& name) const;
    std::vector<Place> places_of_default() const;
    void take_named(const TokenSetting& setting);
    void take_stored();
    void take_default();
    void add(std::string name, std::vector<std::string> repos, Secret token, std::string where);

    const Settings& settings_;
    const Environment& environment_;
    const EnvironmentTokens& from_environment_;
    std::optional<Secret> stored_default_;
    FoundTokens found_;
};

std::string Finder::variable(std::string_view name) const {
    const auto entry = std::ranges::find(environment_, name, &Environment::value_type::first);
    return entry == environment_.end() ? std::string() : entry->second;
}

std::string Finder::path_of_credential(std::string_view name) const {
    const auto folder = variable("CREDENTIALS_DIRECTORY");
    return folder.empty() ? std::string() : fmt::format("{}/{}", folder, name);
}

// systemd keeps the folder closed; which mode the files have differs between its versions.
Result<Secret> Finder::read_credential(const std::string& name) const {
    if (!is_token_name(name)) {
        return fail(ErrorKind::invalid, "the credential has a name that systemd does not give");
    }
    const auto path = path_of_credential(name);
    if (path.empty()) {
        return fail(ErrorKind::not_found,
                    fmt::format("there are no credentials of systemd here: the unit needs "
                                "LoadCredential={}:FILE",
                                name));
    }
    return read_secret_file(path, Readers::group);
}

void Finder::add(std::string name, std::vector<std::string> repos, Secret token,
                 std::string where) {
    found_.tokens.push_back(
        {std::move(name), std::move(repos), std::move(token), std::move(where)});
}

void Finder::take_named(const TokenSetting& setting) {
    Result<Secret> token;
    std::string where;
    if (!setting.file.empty()) {
        where = "file " + setting.file;
        token = read_secret_file(setting.file);
    } else if (!setting.command.empty()) {
        where = "command";
        token = run_token_command(setting.command, environment_);
    } else {
        where = "credential " + setting.credential;
        token = read_credential(setting.credential);
    }
    if (token) return add(setting.name, setting.repos, std::move(*token), std::move(where));
    found_.problems.push_back(
        {tokens_key, fmt::format("cannot be used: {}: {}", setting.name, token.error().message)});
}

void Finder::take_stored() {
    auto stored = read_stored_tokens(settings_.data_dir);
    if (!stored) {
        found_.problems.push_back({"", stored.error().message});
        return;
    }
    for (auto& token : *stored) {
        if (token.name == default_token_name) {
            stored_default_ = std::move(token.token);
        } else if (std::ranges::count(settings_.upstream.tokens, token.name,
                                      &TokenSetting::name) != 0) {
            found_.notices.push_back(fmt::format(
                "the stored token {} is ignored, the one in upstream.tokens is used instead",
                token.name));
        } else {
            add(token.name, std::move(token.repos), std::move(token.token), "stored");
        }
    }
}

std::vector<Place> Finder::places_of_default() const {
    const auto& upstream = settings_.upstream;
    const auto file = variable("HF_TOKEN_FILE");
    const auto credential = path_of_credential(default_credential);
    return {
        {"upstream.token_file", "upstream.token_file", "file " + upstream.token_file,
         !upstream.token_file.empty(), [&] { return read_secret_file(upstream.token_file); }},
        {"upstream.token_command", "upstream.token_command", "command",
         !upstream.token_command.empty(),
         [&] { return run_token_command(upstream.token_command, environment_); }},
        {"HF_TOKEN", "", "HF_TOKEN", !from_environment_.hf_token.empty(),
         [&] { return to_token(from_environment_.hf_token.reveal(), "HF_TOKEN"); }},
        {"HF_TOKEN_FILE", "", "file " + file, !file.empty(),
         [=] { return read_secret_file(file); }},
        {"the credential hf-token", "", "credential hf-token",
         !credential.empty() && permissions_of(credential).has_value(),
         [this] { return read_credential(std::string(default_credential)); }},
        {"the token of `hubkeep token set`", "", "stored", stored_default_.has_value(),
         [this]() -> Result<Secret> { return *stored_default_; }},
    };
}

void Finder::take_default() {
    const Place* used = nullptr;
    const auto places = places_of_default();
    for (const auto& place : places) {
        if (!place.is_given) continue;
        if (used) {
            found_.notices.push_back(
                fmt::format("{} is ignored, {} is used instead", place.name, used->name));
            continue;
        }
        used = &place;
        auto token = place.read();
        if (token) {
            add(std::string(default_token_name), {}, std::move(*token), place.where);
        } else {
            // Errors about tokens begin with where they are, so a place without a key is named.
            const auto& why = token.error().message;
            found_.problems.push_back(
                {place.key, place.key.empty() ? why : "cannot be used: " + why});
        }
    }
    if (!used && from_environment_.has_old_name) {
        found_.notices.emplace_back("HUGGING_FACE_HUB_TOKEN is not used; name it HF_TOKEN");
    }
}

FoundTokens Finder::run() {
    for (const auto& setting : settings_.upstream.tokens) take_named(setting);
    if (!settings_.data_dir.empty()) take_stored();
    take_default();
    return std::move(found_);
}

}  // namespace

FoundTokens find_service_tokens(const Settings& settings, const Environment& environment,
                                const EnvironmentTokens& from_environment) {
    return Finder(settings, environment, from_environment).run();
}

}  // namespace hubkeep
