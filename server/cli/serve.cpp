#include "server/cli/serve.hpp"

#include <sys/stat.h>

namespace hubkeep {

ServeCommand::ServeCommand(CLI::App& root, const ServeFunction& serve)
    : Command(*root.add_subcommand("serve")), flags_(app()), serve_(serve) {}

std::string ServeCommand::help() const {
    return "Usage: hubkeep serve [FLAG...]\n\n"
           "Serves until SIGTERM or Ctrl-C; transfers to clients are finished first.\n\n" +
           help_on_sources();
}

int ServeCommand::run(const ProcessInput& input) {
    // The flags and the environment stay as they are; files, commands and credentials may change.
    const auto load = load_input(flags_, input);
    auto loaded = load_or_explain(load);
    if (!loaded) return loaded.error();
    // Libraries make files as well, and what is private at the Hub stays private here.
    ::umask(077);
    return serve_(std::move(*loaded), [&load] { return load_settings(load); });
}

}  // namespace hubkeep
