#include "server/cli/command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "common/file.hpp"

namespace hubkeep {

LoadInput load_input(const SettingFlags& flags, const ProcessInput& input,
                     const std::optional<std::string>& file) {
    LoadInput load;
    load.flags = flags.given();
    load.environment = input.environment;
    load.tokens = input.tokens;
    load.file = file ? file : flags.config_file();
    load.is_root = ::geteuid() == 0;
    return load;
}

std::expected<Loaded, int> load_or_explain(const LoadInput& load) {
    auto loaded = load_settings(load);
    if (loaded) return std::move(*loaded);
    for (const auto& problem : loaded.error()) fmt::print(stderr, "{}\n", problem);
    return std::unexpected(exit_config);
}

std::expected<Loaded, int> load_or_explain(const SettingFlags& flags, const ProcessInput& input) {
    return load_or_explain(load_input(flags, input));
}

std::expected<Loaded, int> load_without_secrets(const SettingFlags& flags,
                                                const ProcessInput& input) {
    auto load = load_input(flags, input);
    load.with_secrets = false;
    return load_or_explain(load);
}

Result<void> prepare_data_dir(const std::string& data_dir) {
    if (::geteuid() != 0) return make_folders(data_dir);
    const auto found = permissions_of(data_dir);
    if (found) return {};
    return fail(found.error().kind,
                fmt::format("{}; start hubkeep once, or set data_dir to where it keeps its files",
                            found.error().message));
}

std::string help_on_sources() {
    return "Each setting is a flag, a variable and a key of the file; the first of these that "
           "gives\n"
           "it counts, then its default. Sizes: 500GB, 1.5TiB, 85%. Times: 250ms, 60s, 10m, 7d.\n"
           "An empty variable counts as not set.\n\n" +
           help_on_settings();
}

}  // namespace hubkeep
