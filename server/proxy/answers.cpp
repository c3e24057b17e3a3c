#include "server/proxy/answers.hpp"

namespace hubkeep {

std::string public_origin(const Settings& settings, const Exchange& exchange) {
    if (!settings.public_url.empty()) return settings.public_url;
    const auto& headers = exchange.request().headers;
    // HTTP/1.0 knows no Host; what follows is then relative.
    if (!headers.has("Host")) return {};
    // A reverse proxy that ends TLS says so; framing has checked that Host is a plain authority.
    const bool tls = exchange.over_tls() || headers.get("X-Forwarded-Proto") == "https";
    return (tls ? "https://" : "http://") + std::string(headers.get("Host"));
}

void add_cache_fields(ResponseHead& head, Verdict verdict, std::string_view warning) {
    head.headers.set("Cache-Status", cache_status(verdict));
    if (!warning.empty()) head.headers.set("X-HF-Warning", stale_warning(warning));
}

Task<void> send_refusal(Exchange& exchange, const Refusal& refusal, bool json) {
    exchange.record().rule = refusal.rule;
    ResponseHead head;
    head.status = refusal.error.status;
    for (const auto& [name, value] : error_headers(refusal.error, json)) {
        head.headers.set(name, value);
    }
    if (!refusal.commit.empty()) head.headers.set("X-Repo-Commit", refusal.commit);
    co_await exchange.respond(std::move(head), error_body(refusal.error, json));
}

Task<void> send_text(Exchange& exchange, int status, std::string_view content_type,
                     std::string text) {
    ResponseHead head;
    head.status = status;
    if (!content_type.empty()) head.headers.set("Content-Type", content_type);
    co_await exchange.respond(std::move(head), std::move(text));
}

}  // namespace hubkeep
