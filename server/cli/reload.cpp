#include "server/cli/reload.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>

#include "server/cli/admin_call.hpp"

namespace hubkeep {
namespace {

std::vector<std::string> texts_of(const boost::json::object& object, std::string_view name) {
    std::vector<std::string> texts;
    const auto* const found = object.if_contains({name.data(), name.size()});
    const auto* const list = found ? found->if_array() : nullptr;
    if (!list) return texts;
    for (const auto& item : *list) {
        const auto* const text = item.if_string();
        if (text) texts.emplace_back(text->data(), text->size());
    }
    return texts;
}

// What the daemon says of it; nothing when it is no answer to this.
std::optional<bool> print_answer(const AdminAnswer& answer) {
    boost::system::error_code ec;
    const auto document = boost::json::parse(answer.body, ec);
    const auto* const object = ec ? nullptr : document.if_object();
    const auto* const done = object ? object->if_contains("reloaded") : nullptr;
    if (!done || !done->is_bool()) return std::nullopt;
    for (const auto& notice : texts_of(*object, "notices"))
        fmt::print(stderr, "note: {}\n", notice);
    for (const auto& key : texts_of(*object, "needs_restart")) {
        fmt::print(stderr, "note: {} was changed as well; that counts from the next start\n", key);
    }
    for (const auto& problem : texts_of(*object, "problems")) fmt::print(stderr, "{}\n", problem);
    return done->get_bool();
}

struct Told {
    bool is_running = true;
    bool is_done = false;
    std::string why_not;
};

Told tell(const Loaded& loaded) {
    const auto answer = call_admin(loaded, "POST", "/reload", "");
    if (!answer) {
        return {.is_running = answer.error().kind != ErrorKind::unreachable,
                .why_not = answer.error().message};
    }
    const auto done = print_answer(*answer);
    if (!done) return {.why_not = fmt::format("it answered {}", answer->status)};
    return {.is_done = *done, .why_not = *done ? "" : "its settings have mistakes, see above"};
}

}  // namespace

int reload_daemon(const Loaded& loaded, std::string_view what) {
    const auto told = tell(loaded);
    if (!told.is_running) {
        fmt::print(stderr, "hubkeep is not running; it reads {} at its start\n", what);
        return exit_ok;
    }
    if (told.is_done) {
        fmt::print(stderr, "the running hubkeep has read {}\n", what);
        return exit_ok;
    }
    fmt::print(stderr, "the running hubkeep has not read {}: {}\n", what, told.why_not);
    return exit_failed;
}

ReloadCommand::ReloadCommand(CLI::App& root)
    : Command(*root.add_subcommand("reload")), flags_(app()) {}

std::string ReloadCommand::help() const {
    return "Usage: hubkeep reload [FLAG...]\n\n"
           "The running hubkeep reads its settings, tokens, keys and certificates again, as after\n"
           "SIGHUP. When there is a mistake everything stays as it was.\n\n" +
           help_on_sources();
}

int ReloadCommand::run(const ProcessInput& input) {
    const auto loaded = load_without_secrets(flags_, input);
    if (!loaded) return loaded.error();
    const auto told = tell(*loaded);
    if (told.is_done) {
        fmt::print("reloaded\n");
        return exit_ok;
    }
    fmt::print(stderr, "hubkeep reload: {}\n", told.why_not);
    return exit_failed;
}

}  // namespace hubkeep
