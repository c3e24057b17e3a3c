#pragma once
// ReloadDesk: POST /reload on the admin listener does what SIGHUP does, and says how it went. The
// settings are read on a thread of its own, since a command for a token may take its time. One for
// the process; any io thread.

#include <boost/asio/thread_pool.hpp>
#include <string>
#include <vector>

#include "server/http/session.hpp"

namespace hubkeep {

struct Reloaded {
    std::vector<std::string> problems;       // not empty: everything is as it was
    std::vector<std::string> needs_restart;  // keys that changed and count from the next start on
    std::vector<std::string> notices;        // sentences, as at the start
};

// What reads the settings again: the daemon. Blocks; any thread that may, one after the other.
class Reloader {
  public:
    virtual ~Reloader() = default;
    virtual Reloaded reload() = 0;
    // True also when there was none yet.
    virtual bool last_was_good() const = 0;
};

class ReloadDesk {
  public:
    explicit ReloadDesk(Reloader& reloader) : reloader_(reloader) {}

    Task<void> handle(Exchange& exchange);

  private:
    Reloader& reloader_;
    asio::thread_pool pool_{1};
};

}  // namespace hubkeep
