#include "server/admin/admin.hpp"

#include <boost/json.hpp>

#include "server/proxy/revisions.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";
// The version is the format's.
constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

std::string Admin::status() const {
    const auto usage = store_.usage();
    boost::json::object store{{"blobs", usage.blobs},
                              {"blob_bytes", usage.blob_bytes},
                              {"partial_bytes", usage.partial_bytes},
                              {"reserved_bytes", usage.reserved_bytes},
                              {"limit_bytes", usage.limit_bytes}};
    boost::json::object hub{{"url", upstream_.hub().url()},
                            {"offline", upstream_.offline()},
                            {"worth_asking", upstream_.worth_asking()},
                            {"service_token", upstream_.has_service_token()}};
    boost::json::object document{{"version", HUBKEEP_VERSION},
                                 {"ready", health_.ready()},
                                 {"flights", flights_.size()},
                                 {"store", std::move(store)},
                                 {"hub", std::move(hub)}};
    return boost::json::serialize(document);
}

Task<void> Admin::handle(Exchange& exchange) {
    const auto& request = exchange.request();
    const auto path = request.path();
    if (RevisionDesk::is_for(path)) {
        co_await revisions_.handle(exchange);
    } else if (path == "/reload") {
        co_await reloads_.handle(exchange);
    } else if (request.method != "GET" && request.method != "HEAD") {
        co_await send_text(exchange, 405, plain_text, "here only GET and HEAD are answered\n");
    } else if (path == "/livez" || path == "/-/livez") {
        co_await send_text(exchange, 200, plain_text, "ok\n");
    } else if (path == "/readyz" || path == "/-/readyz") {
        co_await send_text(exchange, health_.ready() ? 200 : 503, plain_text, health_.report());
    } else if (path == "/tokens") {
        co_await tokens_.handle(exchange);
    } else if (path == "/status" || path == "/") {
        co_await send_text(exchange, 200, "application/json", status());
    } else if (path == "/metrics") {
        co_await send_text(exchange, 200, metrics_type, metrics_.text());
    } else if (PolicyDesk::is_for(path)) {
        co_await policy_.handle(exchange);
    } else if (path == "/clients") {
        co_await send_text(exchange, 200, "application/json", to_json(clients_.list(), unix_now()));
    } else {
        co_await send_text(exchange, 404, plain_text, "there is nothing here; try /status\n");
    }
}

}  // namespace hubkeep
