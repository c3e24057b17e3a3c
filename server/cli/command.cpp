#include "server/cli/command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace hubkeep {

std::expected<Loaded, int> load_or_explain(const SettingFlags& flags, const ProcessInput& input,
                                           const std::optional<std::string>& file) {
    LoadInput load;
    load.flags = flags.given();
    load.environment = input.environment;
    load.tokens = input.tokens;
    load.file = file ? file : flags.config_file();
    load.is_root = ::geteuid() == 0;
    auto loaded = load_settings(load);
    if (loaded) return std::move(*loaded);
    for (const auto& problem : loaded.error()) fmt::print(stderr, "{}\n", problem);
    return std::unexpected(exit_config);
}

std::string help_on_sources() {
    return "Each setting is a flag, a variable and a key of the file; the first of these that "
           "gives\n"
           "it counts, then its default. Sizes: 500GB, 1.5TiB, 85%. Times: 250ms, 60s, 10m, 7d.\n"
           "An empty variable counts as not set.\n\n" +
           help_on_settings();
}

}  // namespace hubkeep
