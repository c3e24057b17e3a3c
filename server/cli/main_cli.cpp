#include "server/cli/main_cli.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "config/text.hpp"
#include "server/cli/clients.hpp"
#include "server/cli/config.hpp"
#include "server/cli/doctor.hpp"
#include "server/cli/policy.hpp"
#include "server/cli/reload.hpp"
#include "server/cli/revisions.hpp"
#include "server/cli/token.hpp"
#include "server/cli/version.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view usage =
    "Usage: hubkeep COMMAND [FLAG...]\n\n"
    "A caching proxy for the Hugging Face Hub.\n\n"
    "  serve           run the proxy\n"
    "  config check    find mistakes in the settings\n"
    "  config show     print the settings in force, with --origin where they come from\n"
    "  config init     print a settings file with every key explained\n"
    "  client add      make a key for a client; client ls and client rm list and revoke them\n"
    "  doctor          find what is wrong with this installation, and say what to do\n"
    "  token set       store a token of the Hub; token status and token rm list and remove them\n"
    "  reload          read settings, tokens, keys and certificates again\n"
    "  refresh         ask the Hub now where a branch points\n"
    "  policy test     tell what the rules would say to a client, and why\n"
    "  pin, unpin      serve one commit of a branch, wherever it moves; pins lists them\n"
    "  version         print the version\n\n"
    "`hubkeep COMMAND --help` says more. Exit codes: 0 done, 1 failed, 2 wrong use, 5 refused,\n"
    "78 wrong settings.\n";

class CommandLine {
  public:
    explicit CommandLine(const ServeFunction& serve);
    int run(int argc, char** argv, const ProcessInput& input);

  private:
    int run_command(const std::vector<CLI::App*>& chosen, const ProcessInput& input);
    static int complain(std::string_view command, std::string_view what);
    static bool wants_help(CLI::App& app) { return app.get_option("--help")->count() != 0; }

    CLI::App root_;
    std::vector<std::unique_ptr<Command>> commands_;
};

CommandLine::CommandLine(const ServeFunction& serve) {
    // Inherited by the subcommands: help and unknown words are answered here, with near names.
    root_.set_help_flag();
    root_.allow_extras();
    root_.add_flag("--version");
    auto& config = *root_.add_subcommand("config");
    auto& client = *root_.add_subcommand("client");
    auto& policy = *root_.add_subcommand("policy");
    auto& token = *root_.add_subcommand("token");
    commands_.push_back(std::make_unique<ServeCommand>(root_, serve));
    commands_.push_back(std::make_unique<ConfigCheckCommand>(config));
    commands_.push_back(std::make_unique<ConfigShowCommand>(config));
    commands_.push_back(std::make_unique<ConfigInitCommand>(config));
    commands_.push_back(std::make_unique<ClientAddCommand>(client));
    commands_.push_back(std::make_unique<ClientListCommand>(client));
    commands_.push_back(std::make_unique<ClientRemoveCommand>(client));
    commands_.push_back(std::make_unique<DoctorCommand>(root_));
    commands_.push_back(std::make_unique<TokenSetCommand>(token));
    commands_.push_back(std::make_unique<TokenRemoveCommand>(token));
    commands_.push_back(std::make_unique<TokenStatusCommand>(token));
    commands_.push_back(std::make_unique<ReloadCommand>(root_));
    for (const auto verb : {RevisionCommand::Verb::refresh, RevisionCommand::Verb::pin,
                            RevisionCommand::Verb::unpin, RevisionCommand::Verb::pins}) {
        commands_.push_back(std::make_unique<RevisionCommand>(root_, verb));
    }
    commands_.push_back(std::make_unique<PolicyTestCommand>(policy));
    commands_.push_back(std::make_unique<VersionCommand>(root_));
    root_.add_flag("-h,--help");
    for (auto* const group : {&config, &client, &policy, &token}) {
        group->add_flag("-h,--help");
    }
    for (const auto& command : commands_) command->app().add_flag("-h,--help");
}

int CommandLine::complain(std::string_view command, std::string_view what) {
    const auto space = command.empty() ? "" : " ";
    fmt::print(stderr, "hubkeep{}{}: {}; see hubkeep{}{} --help\n", space, command, what, space,
               command);
    return exit_usage;
}

int CommandLine::run_command(const std::vector<CLI::App*>& chosen, const ProcessInput& input) {
    const auto* const wanted = chosen.back();
    for (const auto& command : commands_) {
        if (&command->app() != wanted) continue;
        if (wants_help(command->app())) {
            fmt::print("{}", command->help());
            return exit_ok;
        }
        const auto group = chosen.size() > 1 ? chosen.front()->get_name() + " " : std::string();
        const auto name = group + wanted->get_name();
        const auto mistakes = explain_unknown(wanted->remaining());
        for (const auto& mistake : mistakes) complain(name, mistake);
        return mistakes.empty() ? command->run(input) : int(exit_usage);
    }
    const bool help = wants_help(*chosen.back());
    fmt::print(help ? stdout : stderr, "{}", usage);
    return help ? exit_ok : exit_usage;
}

int CommandLine::run(int argc, char** argv, const ProcessInput& input) {
    try {
        root_.parse(argc, argv);
    } catch (const CLI::ArgumentMismatch& error) {
        const std::string_view text = error.what();
        return complain("", std::string(text.substr(0, text.find(':'))) + " needs a value");
    } catch (const CLI::ParseError& error) {
        return complain("", error.what());
    }
    std::vector<CLI::App*> chosen{&root_};
    while (!chosen.back()->get_subcommands().empty()) {
        if (chosen.back()->get_subcommands().size() > 1)
            return complain("", "one command at a time");
        chosen.push_back(chosen.back()->get_subcommands().front());
    }
    if (root_.get_option("--version")->count() != 0) return commands_.back()->run(input);
    const auto words = root_.remaining();
    const bool is_misspelt =
        chosen.size() == 1 && !words.empty() && !words.front().starts_with('-');
    if (is_misspelt) {
        const auto hint = did_you_mean(
            words.front(), {"serve", "config", "client", "policy", "doctor", "token", "reload",
                            "refresh", "pin", "unpin", "pins", "version"});
        return complain("", fmt::format("no command {}{}", in_quotes(words.front()), hint));
    }
    const auto unknown = explain_unknown(words);
    if (!unknown.empty() && !wants_help(root_)) return complain("", unknown.front());
    chosen.erase(chosen.begin(), chosen.begin() + (chosen.size() > 1 ? 1 : 0));
    return run_command(chosen, input);
}

}  // namespace

int run_cli(int argc, char** argv, char** envp, const ServeFunction& serve) {
    guard_secrets();
    ProcessInput input;
    input.tokens = take_tokens(envp);
    input.environment = read_environ(envp);
    return CommandLine(serve).run(argc, argv, input);
}

}  // namespace hubkeep
