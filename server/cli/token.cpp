#include "server/cli/token.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

#include "config/stored_tokens.hpp"
#include "config/text.hpp"
#include "server/cli/prompt.hpp"
#include "server/cli/reload.hpp"
#include "server/cli/token_list.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view set_usage =
    "Usage: hubkeep token set [NAME] [--repos GLOB,..] [--from-file FILE] [FLAG...]\n";
constexpr std::string_view remove_usage = "Usage: hubkeep token rm NAME [FLAG...]\n";

std::string given(const CLI::Option* option, std::string_view otherwise = {}) {
    return option->count() == 0 ? std::string(otherwise) : option->results().back();
}

int complain(std::string_view verb, std::string_view what, int code = exit_failed) {
    fmt::print(stderr, "hubkeep token {}: {}\n", verb, what);
    return code;
}

Result<void> store(const std::string& data_dir, StoredToken token) {
    const auto lock = lock_private_file(stored_tokens_file(data_dir));
    if (!lock) return std::unexpected(lock.error());
    auto tokens = read_stored_tokens(data_dir);
    if (!tokens) return std::unexpected(tokens.error());
    const auto old = std::ranges::find(*tokens, token.name, &StoredToken::name);
    if (old != tokens->end()) *old = std::move(token);
    else tokens->push_back(std::move(token));
    if (tokens->size() > max_stored_tokens) {
        return fail(ErrorKind::limited, fmt::format("there are {} already", max_stored_tokens));
    }
    return write_stored_tokens(data_dir, *tokens);
}

Result<void> remove(const std::string& data_dir, const std::string& name) {
    const auto file = stored_tokens_file(data_dir);
    const auto lock = lock_private_file(file);
    if (!lock) return std::unexpected(lock.error());
    auto tokens = read_stored_tokens(data_dir);
    if (!tokens) return std::unexpected(tokens.error());
    if (std::erase_if(*tokens, [&](const auto& token) { return token.name == name; }) == 0) {
        return fail(ErrorKind::not_found,
                    fmt::format("no token {} is stored in {}; one that the settings name is "
                                "removed there",
                                in_quotes(name), file.string()));
    }
    return write_stored_tokens(data_dir, *tokens);
}

}  // namespace

TokenSetCommand::TokenSetCommand(CLI::App& token)
    : Command(*token.add_subcommand("set")),
      flags_(app()),
      name_(app().add_option("NAME")),
      misplaced_(app().add_option("TOKEN")),
      repos_(app().add_option("--repos")),
      file_(app().add_option("--from-file")) {}

std::string TokenSetCommand::help() const {
    return std::string(set_usage) +
           "\nStores a token of the Hub in data_dir, for hubkeep to use. It is asked for on a\n"
           "terminal, else read from standard input; it is never an argument.\n\n"
           "  NAME         what it is called in logs and metrics; \"default\" is for every\n"
           "               repository that no other token is for\n"
           "  --repos      which repositories it is for: meta-llama/*, datasets/our-org/*\n"
           "  --from-file  a file with the token, which only its owner may read\n\n" +
           help_on_sources();
}

int TokenSetCommand::check_words() const {
    const auto name = given(name_, default_token_name);
    if (misplaced_->count() != 0 || looks_like_token(name)) {
        return complain("set",
                        "a token is not taken as an argument, where every user of this machine "
                        "can see it: give it on standard input, and make a new one if this one "
                        "was real",
                        exit_usage);
    }
    if (!is_token_name(name)) {
        return complain("set", "NAME takes 1 to 64 letters, digits, dots, dashes and underscores",
                        exit_usage);
    }
    const bool has_repos = !split_list(given(repos_)).empty();
    if (name == default_token_name && repos_->count() != 0) {
        return complain("set", "the default is for all repositories: give a NAME with --repos",
                        exit_usage);
    }
    if (name != default_token_name && !has_repos) {
        return complain("set", fmt::format("say with --repos which repositories {} is for", name),
                        exit_usage);
    }
    return exit_ok;
}

int TokenSetCommand::run(const ProcessInput& input) {
    const int wrong = check_words();
    if (wrong != exit_ok) return wrong;
    const auto loaded = load_without_secrets(flags_, input);
    if (!loaded) return loaded.error();
    const auto& data_dir = loaded->settings.data_dir;
    const auto prepared = prepare_data_dir(data_dir);
    if (!prepared) return complain("set", prepared.error().message);
    auto token = file_->count() == 0 ? read_secret_input("Token of the Hub (it is not shown): ")
                                     : read_secret_file(given(file_));
    if (!token) return complain("set", token.error().message);
    const auto name = given(name_, default_token_name);
    const auto stored = store(data_dir, {name, split_list(given(repos_)), std::move(*token)});
    if (!stored) return complain("set", stored.error().message);
    fmt::print("the token {} is stored in {}\n", name, stored_tokens_file(data_dir).string());
    return reload_daemon(*loaded, "it");
}

TokenRemoveCommand::TokenRemoveCommand(CLI::App& token)
    : Command(*token.add_subcommand("rm")), flags_(app()), name_(app().add_option("NAME")) {}

std::string TokenRemoveCommand::help() const {
    return std::string(remove_usage) +
           "\nRemoves a token that `hubkeep token set` stored. At the Hub it stays valid until it "
           "is\nrevoked there.\n\n" +
           help_on_sources();
}

int TokenRemoveCommand::run(const ProcessInput& input) {
    if (name_->count() == 0) {
        fmt::print(stderr, "{}", remove_usage);
        return exit_usage;
    }
    const auto loaded = load_without_secrets(flags_, input);
    if (!loaded) return loaded.error();
    const auto name = given(name_);
    const auto removed = remove(loaded->settings.data_dir, name);
    if (!removed) return complain("rm", removed.error().message);
    fmt::print("the token {} is not stored any more\n", name);
    return reload_daemon(*loaded, "that");
}

TokenStatusCommand::TokenStatusCommand(CLI::App& token)
    : Command(*token.add_subcommand("status")), flags_(app()), json_(app().add_flag("--json")) {}

std::string TokenStatusCommand::help() const {
    return "Usage: hubkeep token status [--json] [FLAG...]\n\n"
           "Lists the tokens that hubkeep shows to the Hub, what the Hub says of each, and what "
           "is\n"
           "left of its quota; never the token. KEY is the beginning of its SHA-256.\n\n" +
           help_on_sources();
}

int TokenStatusCommand::run(const ProcessInput& input) {
    const auto loaded = load_without_secrets(flags_, input);
    if (!loaded) return loaded.error();
    auto list = ask_for_tokens(*loaded);
    if (!list && list.error().kind == ErrorKind::unreachable) {
        // What a start would find, commands and all.
        const auto with_secrets = load_or_explain(flags_, input);
        if (!with_secrets) return with_secrets.error();
        fmt::print(stderr, "hubkeep is not running; these tokens would be used at its start:\n");
        list = list_of(with_secrets->secrets.service_tokens);
    }
    if (!list) return complain("status", list.error().message);
    if (json_->count() != 0) print_json(*list);
    else print_tokens(*list);
    return exit_ok;
}

}  // namespace hubkeep
