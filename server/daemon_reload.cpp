#include "server/daemon_reload.hpp"

#include "config/schema.hpp"

namespace hubkeep {
namespace {

std::vector<std::string> changed_for_the_next_start(const Settings& before, const Settings& after) {
    std::vector<std::string> keys;
    for (const auto& setting : schema()) {
        const bool is_same = setting.write(before) == setting.write(after);
        if (!setting.reloadable && !is_same) keys.emplace_back(setting.key);
    }
    return keys;
}

}  // namespace

// One line per part. What can fail comes first, so that either all of it counts or nothing.
Result<void> DaemonReload::apply(Loaded& loaded) {
    const auto& settings = loaded.settings;
    TlsContext tls;
    if (!settings.tls.cert.empty()) {
        auto made = make_server_tls(settings.tls.cert, settings.tls.key, settings.tls.client_ca);
        if (!made) return std::unexpected(made.error());
        tls = std::move(*made);
    }
    tls_.replace(std::move(tls));
    // The rules before the tokens: what a new one opens is never shared by the old rules.
    parts_.clients->replace(settings.clients, std::move(loaded.secrets.client_keys));
    parts_.access->replace(settings);
    parts_.tokens->replace(std::move(loaded.secrets.service_tokens));
    parts_.access->credentials_changed();
    return {};
}

Reloaded DaemonReload::read_and_apply() {
    auto loaded = load_again_();
    if (!loaded) return {.problems = std::move(loaded.error())};
    const auto applied = apply(*loaded);
    if (!applied) return {.problems = {applied.error().message}};
    return {.needs_restart = changed_for_the_next_start(at_start_, loaded->settings),
            .notices = std::move(loaded->notices)};
}

Reloaded DaemonReload::reload() {
    const std::lock_guard lock(one_at_a_time_);
    auto done = read_and_apply();
    last_was_good_ = done.problems.empty();
    for (const auto& problem : done.problems) {
        log_.error("the settings were not reloaded; the old ones stay", {{"cause", problem}});
    }
    for (const auto& notice : done.notices) log_.warn(notice);
    for (const auto& key : done.needs_restart) {
        log_.warn("a setting was changed that counts from the next start on", {{"setting", key}});
    }
    if (last_was_good_) log_.info("the settings were reloaded");
    return done;
}

}  // namespace hubkeep
