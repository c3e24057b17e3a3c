#include "server/admin/metrics.hpp"

#include "server/admin/metrics_page.hpp"

namespace hubkeep {

void Metrics::add_requests(MetricsPage& page) const {
    if (sessions_ == nullptr) return;
    for (const auto& line : sessions_->counts().lines()) {
        page.counter("hubkeep_http_requests_total",
                     "Requests of clients that have ended, by status (499: the client left before "
                     "the answer) and by what the cache did.",
                     static_cast<double>(line.requests),
                     {{"code", std::to_string(line.status)}, {"cache", std::string(line.cache)}});
    }
    page.counter("hubkeep_http_response_bytes_total", "Bytes of bodies sent to clients.",
                 static_cast<double>(sessions_->counts().sent_bytes()));
    page.gauge("hubkeep_http_connections", "Connections of clients that are open.",
               static_cast<double>(sessions_->open()));
}

void Metrics::add_store(MetricsPage& page) const {
    const auto usage = store_.usage();
    const auto bytes = [&](const char* state, std::uint64_t count) {
        page.gauge("hubkeep_store_bytes",
                   "Bytes that the store takes: complete blobs, what has arrived of others, and "
                   "what is set aside for them.",
                   static_cast<double>(count), {{"state", state}});
    };
    bytes("complete", usage.blob_bytes);
    bytes("partial", usage.partial_bytes);
    bytes("reserved", usage.reserved_bytes);
    page.gauge("hubkeep_store_limit_bytes", "Bytes that the store may take (cache.max_size).",
               static_cast<double>(usage.limit_bytes));
    page.gauge("hubkeep_store_blobs", "Complete blobs in the store.",
               static_cast<double>(usage.blobs));
    page.gauge("hubkeep_flights", "Transfers of blobs that are in progress.",
               static_cast<double>(flights_.size()));
}

void Metrics::add_upstream(MetricsPage& page) const {
    page.gauge("hubkeep_upstream_up", "1 when it is worth asking the Hub, else 0.",
               upstream_.worth_asking() ? 1 : 0);
    for (const auto& [line, token] : upstream_.quotas()) {
        const MetricsPage::Labels labels{{"endpoint", line.account.endpoint},
                                         {"bucket", std::string(name_of(line.account.bucket))},
                                         {"token", token}};
        page.gauge("hubkeep_upstream_quota_remaining",
                   "Requests that the Hub still grants until the reset.",
                   line.closed ? 0 : static_cast<double>(line.limit.left), labels);
        page.gauge("hubkeep_upstream_quota_reset_seconds", "Time until the reset.",
                   static_cast<double>(line.limit.reset_seconds), labels);
        page.gauge("hubkeep_upstream_quota_waiting", "Requests that wait for the quota.",
                   static_cast<double>(line.waiting), labels);
    }
}

void Metrics::add_access(MetricsPage& page) const {
    const auto counts = access_.refusals();
    for (std::size_t i = 0; i < counts.size(); ++i) {
        page.counter("hubkeep_refusals_total", "Requests that our own rules refused, by reason.",
                     static_cast<double>(counts[i]),
                     {{"reason", std::string(name_of(static_cast<Access::Reason>(i)))}});
    }
}

void Metrics::add_tokens(MetricsPage& page) const {
    for (const auto& line : tokens_.lines()) {
        page.gauge("hubkeep_token_valid",
                   "0 when the Hub refuses the service token, 1 when it does not or was not asked.",
                   line.state == ServiceTokens::State::refused ? 0 : 1,
                   {{"token", line.token.name}});
    }
}

std::string Metrics::text() const {
    MetricsPage page;
    page.gauge("hubkeep_build_info", "Always 1; the version is in the label.", 1,
               {{"version", HUBKEEP_VERSION}});
    add_requests(page);
    add_store(page);
    add_upstream(page);
    add_access(page);
    add_tokens(page);
    page.gauge("hubkeep_config_last_reload_successful",
               "0 when the settings had a mistake at the last reload, else 1.",
               reloader_.last_was_good() ? 1 : 0);
    return page.text();
}

}  // namespace hubkeep
