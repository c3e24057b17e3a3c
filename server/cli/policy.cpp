#include "server/cli/policy.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <boost/url/url.hpp>
#include <cstdio>

#include "server/cli/admin_call.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view usage =
    "Usage: hubkeep policy test REPO [--client NAME] [--file PATH] [--revision NAME] [FLAG...]\n";

int complain(std::string_view what) {
    fmt::print(stderr, "hubkeep policy test: {}\n", what);
    return exit_failed;
}

std::string text_at(const boost::json::value& document, std::string_view pointer) {
    boost::system::error_code ec;
    const auto* const found = document.find_pointer({pointer.data(), pointer.size()}, ec);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::string by_rule(const std::string& rule) {
    return rule.empty() ? "no rule" : fmt::format("the rule \"{}\"", rule);
}

void print_verdict(const boost::json::value& answer) {
    const auto repo = text_at(answer, "/repo");
    const auto canonical = text_at(answer, "/canonical");
    const auto team = text_at(answer, "/team");
    boost::system::error_code ec;
    const auto* const denied = answer.find_pointer("/policy/denied", ec);
    const bool is_denied = denied && denied->is_bool() && denied->get_bool();
    fmt::print("repo     {}{}, {} at the Hub\n", repo,
               canonical == repo ? "" : fmt::format(" (now {})", canonical),
               text_at(answer, "/visibility"));
    fmt::print("client   {}{}\n", text_at(answer, "/client"),
               team.empty() ? "" : fmt::format(", team {}", team));
    fmt::print("policy   {} by {}\n", is_denied ? "denied" : "allowed",
               by_rule(text_at(answer, "/policy/rule")));
    const auto rule = text_at(answer, "/sharing/rule");
    fmt::print("sharing  {}{}\n", text_at(answer, "/sharing/mode"),
               rule.empty() ? "" : fmt::format(" by {}", by_rule(rule)));
    fmt::print("verdict  {}: {}\n", text_at(answer, "/verdict"), text_at(answer, "/why"));
}

}  // namespace

PolicyTestCommand::PolicyTestCommand(CLI::App& policy)
    : Command(*policy.add_subcommand("test")),
      flags_(app()),
      repo_(app().add_option("REPO")),
      client_(app().add_option("--client")),
      file_(app().add_option("--file")),
      revision_(app().add_option("--revision")) {}

std::string PolicyTestCommand::help() const {
    return std::string(usage) +
           "\nTells what the rules of the running hubkeep say, and why. Ends with 5 when it is "
           "refused.\n\n"
           "  --client    the name of a key, or of a user as a proxy or certificate gives it;\n"
           "              without it, somebody who is anonymous\n"
           "  --file      a path in the repo; without it, its description and listings\n"
           "  --revision  a branch, a tag or a commit\n\n" +
           help_on_sources();
}

int PolicyTestCommand::run(const ProcessInput& input) {
    if (repo_->count() == 0) {
        fmt::print(stderr, "{}", usage);
        return exit_usage;
    }
    boost::urls::url target("/policy");
    for (const auto& [option, name] :
         {std::pair(repo_, "repo"), std::pair(client_, "client"), std::pair(file_, "file"),
          std::pair(revision_, "revision")}) {
        if (option->count() != 0) target.params().append({name, option->results().back()});
    }
    const auto loaded = load_without_secrets(flags_, input);
    if (!loaded) return loaded.error();
    const auto answer = call_admin(*loaded, "GET", std::string(target.buffer()), "");
    if (!answer) return complain(answer.error().message);
    boost::system::error_code ec;
    const auto document = boost::json::parse(answer->body, ec);
    if (ec || !document.is_object()) return complain("this is not hubkeep's admin listener");
    if (answer->status != 200) return complain(text_at(document, "/error"));
    print_verdict(document);
    return text_at(document, "/verdict") == "refused" ? exit_denied : exit_ok;
}

}  // namespace hubkeep
