#pragma once
// DaemonReload: the settings are read once more while the daemon runs, after SIGHUP and for POST
// /reload. All that can change without a restart changes at once, or nothing does when there is a
// mistake. Owned by the daemon; any thread that may block.

#include <mutex>

#include "config/load.hpp"
#include "server/admin/reload_desk.hpp"
#include "server/daemon_parts.hpp"
#include "server/net/tls.hpp"

namespace hubkeep {

class DaemonReload : public Reloader {
  public:
    // All of them outlive this; the parts are built before the first reload.
    DaemonReload(const Settings& at_start, const LoadAgain& load_again, DaemonParts& parts,
                 ServerTls& tls, Log& log)
        : at_start_(at_start), load_again_(load_again), parts_(parts), tls_(tls), log_(log) {}

    Reloaded reload() override;
    bool last_was_good() const override { return last_was_good_.load(); }

  private:
    Reloaded read_and_apply();
    Result<void> apply(Loaded& loaded);

    const Settings& at_start_;
    const LoadAgain& load_again_;
    DaemonParts& parts_;
    ServerTls& tls_;
    Log& log_;
    std::mutex one_at_a_time_;
    std::atomic<bool> last_was_good_{true};
};

}  // namespace hubkeep
