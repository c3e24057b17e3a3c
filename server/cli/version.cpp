#include "server/cli/version.hpp"

#include <fmt/format.h>

namespace hubkeep {

VersionCommand::VersionCommand(CLI::App& root) : Command(*root.add_subcommand("version")) {}

std::string VersionCommand::help() const {
    return "Usage: hubkeep version\n\nPrints the version.\n";
}

int VersionCommand::run(const ProcessInput&) {
    fmt::print("hubkeep {}\n", HUBKEEP_VERSION);
    return exit_ok;
}

}  // namespace hubkeep
