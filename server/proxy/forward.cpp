#include "server/proxy/forward.hpp"

#include <fmt/format.h>

#include "server/hub/fields.hpp"
#include "server/hub/json_text.hpp"
#include "server/hub/listing.hpp"
#include "server/proxy/xet_mode.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t json_limit_bytes = 64 * 1024 * 1024;
constexpr std::size_t piece_bytes = 256 * 1024;

}  // namespace

ResponseHead Forward::head_for(Exchange& exchange, const HubAnswer& answer) const {
    const auto& from = answer.response.head();
    ResponseHead head;
    head.status = from.status;
    HeaderFields fields;
    for (const auto& field : from.headers) fields.push_back(field);
    for (const auto& [name, value] : kept_fields(fields)) head.headers.add(name, value);
    const auto mine = public_origin(settings_, exchange);
    const auto link = rewrite_link(from.headers.get("Link"), answer.origin.url(), mine);
    if (!link.empty()) head.headers.set("Link", link);
    head.headers.set("Cache-Control", "no-store");
    add_cache_fields(head, Verdict::bypass, {});
    return head;
}

HubRequest Forward::request_for(const Exchange& exchange, const Route& route) const {
    HubRequest request;
    request.method = exchange.request().method;
    request.target = route.target();
    auto fields = exchange.request().headers;
    fields.remove_hop_by_hop();
    const auto names_users = clients_.header();
    for (const auto& [name, value] : fields) {
        if (is_passed_up(name) && !iequals(name, names_users)) request.headers.add(name, value);
    }
    return request;
}

Task<void> Forward::pass(Exchange& exchange, Route route, Credential credential) {
    auto request = request_for(exchange, route);
    const bool with_xet = shows_xet(settings_, route);
    const auto range = exchange.request().headers.get("Range");
    if (!range.empty()) request.headers.set("Range", range);
    auto answer =
        co_await upstream_.ask(exchange.thread(), std::move(request), credential, Follow::anywhere);
    co_await relay(exchange, std::move(answer), credential.kind, with_xet);
}

Task<void> Forward::relay(Exchange& exchange, Result<HubAnswer> answer, Credential::Kind credential,
                          bool with_xet) {
    exchange.record().cache = name_of(Verdict::bypass);
    if (!answer) {
        const auto path = exchange.request().path();
        const Refusal refusal{not_cached_offline(path, answer.error().message), {}};
        co_await send_refusal(exchange, refusal, true);
        co_return;
    }
    auto head = head_for(exchange, *answer);
    const auto get = [&](std::string_view name) {
        return answer->response.head().headers.get(name);
    };
    if (head.status >= 400) {
        auto error = from_hub(head.status, get, credential == Credential::Kind::client);
        co_await send_refusal(exchange, {std::move(error), std::string(get("X-Repo-Commit"))},
                              true);
        co_return;
    }
    if (head.status >= 300 && !get("Location").empty()) {
        // A redirect whose Location stays here would break clients that look for it.
        const Refusal refusal{upstream_failed("it leads to an address that is not followed"), {}};
        co_await send_refusal(exchange, refusal, true);
        co_return;
    }
    const bool json = get("Content-Type").find("json") != std::string_view::npos;
    if (json && head.status == 200 && exchange.request().method != "HEAD") {
        co_await send_json(exchange, std::move(*answer), std::move(head), with_xet);
    } else {
        co_await send_stream(exchange, std::move(*answer), std::move(head));
    }
}

Task<void> Forward::send_json(Exchange& exchange, HubAnswer answer, ResponseHead head,
                              bool with_xet) {
    auto body = co_await answer.response.read_all(json_limit_bytes);
    if (body) exchange.record().upstream_bytes = body->size();
    const auto checked = body ? check_json(*body) : Result<void>(std::unexpected(body.error()));
    if (!checked) {
        co_await send_refusal(exchange, {upstream_failed(checked.error().message), {}}, true);
        co_return;
    }
    if (!with_xet) body = strip_xet(std::move(*body));
    co_await exchange.respond(std::move(head), std::move(*body));
}

Task<void> Forward::send_stream(Exchange& exchange, HubAnswer answer, ResponseHead head) {
    const auto length = answer.response.length();
    if (length) head.headers.set("Content-Length", std::to_string(*length));
    const auto head_sent = co_await exchange.send_head(std::move(head));
    if (!head_sent) co_return;
    std::vector<char> piece(piece_bytes);
    for (;;) {
        const auto got = co_await answer.response.read_some(piece);
        if (!got) {
            exchange.abort();
            co_return;
        }
        if (*got == 0) co_return;
        exchange.record().upstream_bytes += *got;
        const auto sent = co_await exchange.send(std::span<const char>(piece).first(*got));
        if (!sent) co_return;
    }
}

}  // namespace hubkeep
