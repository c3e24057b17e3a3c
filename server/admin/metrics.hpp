#pragma once
// Metrics: what GET /metrics of the admin listener says, in the text format of Prometheus. Nothing
// is kept here: each scrape asks the parts that count. Names follow Prometheus' rules; no label
// holds a repo, a user or a path, so that their number stays small. One for the process; any io
// thread.

#include "server/admin/reload_desk.hpp"
#include "server/http/session.hpp"
#include "server/proxy/access.hpp"
#include "server/proxy/service_tokens.hpp"
#include "server/store/flights.hpp"

namespace hubkeep {

class MetricsPage;

class Metrics {
  public:
    Metrics(const BlobStore& store, const Flights& flights, const Upstream& upstream,
            const Access& access, const ServiceTokens& tokens, const Reloader& reloader)
        : store_(store),
          flights_(flights),
          upstream_(upstream),
          access_(access),
          tokens_(tokens),
          reloader_(reloader) {}

    // The data listener's, which are made after all that answers; before the io threads run.
    void watch(const SessionHub& sessions) { sessions_ = &sessions; }

    std::string text() const;

  private:
    // One for each part that counts something.
    void add_requests(MetricsPage& page) const;
    void add_store(MetricsPage& page) const;
    void add_upstream(MetricsPage& page) const;
    void add_access(MetricsPage& page) const;
    void add_tokens(MetricsPage& page) const;

    const BlobStore& store_;
    const Flights& flights_;
    const Upstream& upstream_;
    const Access& access_;
    const ServiceTokens& tokens_;
    const Reloader& reloader_;
    const SessionHub* sessions_ = nullptr;
};

}  // namespace hubkeep
