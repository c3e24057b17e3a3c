#include "server/cli/revisions.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>

#include "server/cli/admin_call.hpp"

namespace hubkeep {
namespace {

using Verb = RevisionCommand::Verb;

std::string_view name_of(Verb verb) {
    switch (verb) {
        case Verb::refresh: return "refresh";
        case Verb::pin: return "pin";
        case Verb::unpin: return "unpin";
        case Verb::pins: return "pins";
    }
    return "";
}

std::string_view method_of(Verb verb) {
    switch (verb) {
        case Verb::refresh: return "POST";
        case Verb::pin: return "PUT";
        case Verb::unpin: return "DELETE";
        case Verb::pins: return "GET";
    }
    return "";
}

std::string_view usage_of(Verb verb) {
    switch (verb) {
        case Verb::refresh:
            return "Usage: hubkeep refresh REPO [REVISION] [FLAG...]\n\n"
                   "Asks the Hub now where a branch points (main, when none is named), whatever "
                   "its "
                   "ttl.\n";
        case Verb::pin:
            return "Usage: hubkeep pin REPO REVISION COMMIT [FLAG...]\n\n"
                   "From now on the revision is this commit (40 hex digits) for all clients, "
                   "wherever it moves\nat the Hub.\n";
        case Verb::unpin:
            return "Usage: hubkeep unpin REPO REVISION [FLAG...]\n\n"
                   "The revision follows the Hub again.\n";
        case Verb::pins: return "Usage: hubkeep pins [FLAG...]\n\nLists what is pinned.\n";
    }
    return "";
}

std::string text_of(const boost::json::object& object, std::string_view name) {
    const auto* const found = object.if_contains({name.data(), name.size()});
    const auto* const text = found ? found->if_string() : nullptr;
    return text ? std::string(text->data(), text->size()) : std::string();
}

void print_pins(const boost::json::object& answer) {
    const auto* const pins = answer.if_contains("pins");
    if (pins == nullptr || !pins->is_array()) return;
    for (const auto& pin : pins->get_array()) {
        const auto* const one = pin.if_object();
        if (one == nullptr) continue;
        fmt::print("{}  {}  {}\n", text_of(*one, "repo"), text_of(*one, "revision"),
                   text_of(*one, "commit"));
    }
}

void print_done(Verb verb, const boost::json::object& answer) {
    const auto what = text_of(answer, "repo") + " " + text_of(answer, "revision");
    if (verb == Verb::pin) {
        fmt::print("{} is pinned to {}\n", what, text_of(answer, "commit"));
    } else if (verb == Verb::unpin) {
        fmt::print("{} is not pinned\n", what);
    } else {
        const auto before = text_of(answer, "before");
        const auto after = text_of(answer, "after");
        const auto note = before.empty() ? "" : before == after ? ", as before" : ", was " + before;
        fmt::print("{} is {}{}\n", what, after, note);
    }
}

}  // namespace

RevisionCommand::RevisionCommand(CLI::App& root, Verb verb)
    : Command(*root.add_subcommand(std::string(name_of(verb)))), verb_(verb), flags_(app()) {
    if (verb == Verb::pins) return;
    repo_ = app().add_option("REPO");
    revision_ = app().add_option("REVISION");
    if (verb == Verb::pin) commit_ = app().add_option("COMMIT");
}

std::string RevisionCommand::help() const {
    return std::string(usage_of(verb_)) +
           "A repo is named as in its address at the Hub: org/name, datasets/org/name. The "
           "running\n"
           "hubkeep is reached at admin.listen, with the token in admin.token_file or "
           "data_dir.\n\n" +
           help_on_sources();
}

int RevisionCommand::run(const ProcessInput& input) {
    boost::json::object order;
    const auto is_missing = [&](CLI::Option* option) { return option && option->count() == 0; };
    const bool revision_optional = verb_ == Verb::refresh;
    if (is_missing(repo_) || is_missing(commit_) || (is_missing(revision_) && !revision_optional)) {
        fmt::print(stderr, "{}", usage_of(verb_));
        return exit_usage;
    }
    for (const auto& [option, name] : {std::pair(repo_, "repo"), std::pair(revision_, "revision"),
                                       std::pair(commit_, "commit")}) {
        if (option && option->count() != 0) order[name] = option->results().back();
    }
    const auto loaded = load_without_secrets(flags_, input);
    if (!loaded) return loaded.error();
    const auto path = verb_ == Verb::refresh ? "/refresh" : "/pins";
    const auto body = verb_ == Verb::pins ? "" : boost::json::serialize(order);
    const auto answer = call_admin(*loaded, method_of(verb_), path, std::string(body));
    if (!answer) {
        fmt::print(stderr, "hubkeep {}: {}\n", name_of(verb_), answer.error().message);
        return exit_failed;
    }
    boost::system::error_code ec;
    const auto document = boost::json::parse(answer->body, ec);
    const auto* const object = ec ? nullptr : document.if_object();
    if (object == nullptr || answer->status != 200) {
        const auto why =
            object ? text_of(*object, "error") : "this is not hubkeep's admin listener";
        fmt::print(stderr, "hubkeep {}: {}\n", name_of(verb_), why);
        return exit_failed;
    }
    if (verb_ == Verb::pins) {
        print_pins(*object);
    } else {
        print_done(verb_, *object);
    }
    return exit_ok;
}

}  // namespace hubkeep
