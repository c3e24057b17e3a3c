#include "server/proxy/proxy.hpp"

#include <fmt/format.h>

#include "server/hub/own_hosts.hpp"
#include "server/hub/pages.hpp"
#include "server/hub/viewer.hpp"
#include "server/hub/whoami.hpp"
#include "server/proxy/client_use.hpp"
#include "server/proxy/mirrors.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";
constexpr std::int64_t pause_when_full_seconds = 1;

// At the viewer's own address, a path means the same as below the one that everybody can reach.
std::string target_of(const RequestHead& request, bool of_viewer) {
    return of_viewer ? "/-/datasets-server" + request.target : request.target;
}

bool needs_caller(const Route& route) {
    switch (route.kind) {
        case Route::Kind::resolve:
        case Route::Kind::raw:
        case Route::Kind::resolve_cache:
        case Route::Kind::repo_info:
        case Route::Kind::tree:
        case Route::Kind::paths_info:
        case Route::Kind::refs:
        case Route::Kind::commits:
        case Route::Kind::xet_token:
        case Route::Kind::auth_check: return true;
        case Route::Kind::api_other: return !route.repo.name.empty();
        default: return false;
    }
}

// Probes, browsers that ask before they ask, robots, the Hub's webhook, which has its secret, and
// the CAS, which asks for tokens of its own.
bool is_for_everybody(const Route& route) {
    return route.kind == Route::Kind::own || route.kind == Route::Kind::preflight ||
           route.kind == Route::Kind::robots || route.kind == Route::Kind::xet;
}

// Errors of files are text, all others JSON.
bool is_api(const Route& route) {
    return route.kind != Route::Kind::resolve && route.kind != Route::Kind::raw;
}

std::string hubkeeps_passed(const RequestHead& request) {
    std::string via;
    for (const auto& [name, value] : request.headers) {
        if (iequals(name, "Via")) via += (via.empty() ? "" : ", ") + value;
    }
    return hubkeeps_in(via);
}

HubError not_served(std::string_view what) {
    return {.status = 501,
            .code = "",
            .message = fmt::format("hubkeep does not serve {}; ask the Hub itself for it", what)};
}

}  // namespace

Task<void> Proxy::handle(Exchange& exchange) {
    const auto& request = exchange.request();
    const bool of_viewer = is_viewer_host(request.headers.get("Host"));
    const auto hot = of_viewer ? nullptr : files_.hot(exchange);
    auto parsed = hot ? Route() : parse_route(request.method, target_of(request, of_viewer));
    const Route& route = hot ? hot->route : parsed;
    // Before anybody could wait for a question that waits for this one.
    if (goes_in_a_circle(hubkeeps_passed(request), upstream_.own_name())) {
        co_await send_refusal(exchange, {asked_in_a_circle(), {}}, true);
        co_return;
    }
    if (exchange.over_limit() && route.kind != Route::Kind::own) {
        co_await send_refusal(exchange, {overloaded(pause_when_full_seconds), {}}, true);
        co_return;
    }
    if (is_for_everybody(route)) {
        co_await for_everybody(exchange, std::move(parsed));
        co_return;
    }
    auto visitor = clients_.identify(exchange);
    if (!visitor) {
        co_await send_refusal(exchange, {visitor.error(), {}}, is_api(route));
        co_return;
    }
    exchange.record().user = visitor->name;
    exchange.record().team = visitor->team;
    const auto place = ClientUse::enter(visitor->use, SteadyClock::now());
    if (!place) {
        co_await send_refusal(exchange, {place.error(), {}}, is_api(route));
        co_return;
    }
    const auto caller = hot ? access_.admit_now(exchange.thread(), *visitor, route) : std::nullopt;
    auto answer = caller ? files_.answer_now(exchange, *hot, *caller) : std::nullopt;
    if (answer) {
        co_await exchange.respond_with(std::move(answer->head), answer->body());
        co_return;
    }
    co_await for_visitor(exchange, hot ? hot->route : std::move(parsed), std::move(*visitor));
}

Task<void> Proxy::for_visitor(Exchange& exchange, Route route, Visitor visitor) {
    if (needs_caller(route)) {
        co_await about_a_repo(exchange, std::move(route), std::move(visitor));
        co_return;
    }
    switch (route.kind) {
        case Route::Kind::bad: {
            Refusal refusal{bad_request(route.error), {}};
            refusal.error.status = route.status;
            co_await send_refusal(exchange, refusal, false);
            break;
        }
        case Route::Kind::write: co_await send_refusal(exchange, {read_only(), {}}, true); break;
        case Route::Kind::whoami:
            co_await whoami(exchange, std::move(route), std::move(visitor));
            break;
        case Route::Kind::personal:
            co_await personal(exchange, std::move(route), std::move(visitor));
            break;
        case Route::Kind::viewer:
            co_await viewer(exchange, std::move(route), std::move(visitor));
            break;
        case Route::Kind::telemetry:
            co_await exchange.respond(ResponseHead{.status = 204}, {});
            break;
        case Route::Kind::agent_harnesses: co_await listings_.agent_harnesses(exchange); break;
        case Route::Kind::git:
            co_await send_refusal(exchange, {not_served("git repositories"), {}}, true);
            break;
        case Route::Kind::oci:
            co_await send_refusal(exchange, {not_served("the OCI protocol"), {}}, true);
            break;
        case Route::Kind::root:
        case Route::Kind::page: co_await page(exchange, std::move(route)); break;
        case Route::Kind::blob_page: co_await to_the_file(exchange, std::move(route)); break;
        default: co_await others(exchange, std::move(route), std::move(visitor));
    }
}

Task<void> Proxy::for_everybody(Exchange& exchange, Route route) {
    switch (route.kind) {
        case Route::Kind::preflight: co_await preflight(exchange); break;
        case Route::Kind::robots:
            co_await send_text(exchange, 200, plain_text, "User-agent: *\nDisallow: /\n");
            break;
        case Route::Kind::xet: co_await xet_.serve(exchange, std::move(route)); break;
        default: co_await own(exchange, std::move(route));
    }
}

Task<void> Proxy::others(Exchange& exchange, Route route, Visitor visitor) {
    auto caller = access_.admit_alone(visitor);
    caller.credential.via = hubkeeps_passed(exchange.request());
    if (route.kind == Route::Kind::api_other) {
        co_await reads_.serve(exchange, std::move(route), std::move(caller), std::move(visitor));
    } else {
        co_await forward_.pass(exchange, std::move(route), std::move(caller.credential));
    }
}

// It is asked without any credential; whether its datasets are for this visitor is asked here.
Task<void> Proxy::viewer(Exchange& exchange, Route route, Visitor visitor) {
    const auto datasets = datasets_of_viewer(route);
    if (!datasets) {
        const Refusal refusal{bad_request("This is no name of a dataset."), {}};
        co_await send_refusal(exchange, refusal, true);
        co_return;
    }
    for (const auto& dataset : *datasets) {
        Route of_dataset = route;
        of_dataset.repo = dataset;
        const auto admitted = co_await access_.admit(exchange.thread(), visitor, of_dataset);
        if (admitted) continue;
        co_await send_refusal(exchange, admitted.error(), true);
        co_return;
    }
    co_await reads_.serve_viewer(exchange, std::move(route));
}

Task<void> Proxy::about_a_repo(Exchange& exchange, Route route, Visitor visitor) {
    auto admitted = co_await access_.admit(exchange.thread(), visitor, route);
    if (!admitted) {
        co_await send_refusal(exchange, admitted.error(), is_api(route));
        co_return;
    }
    Caller caller = std::move(*admitted);
    caller.credential.via = hubkeeps_passed(exchange.request());
    switch (route.kind) {
        case Route::Kind::repo_info:
            co_await listings_.info(exchange, std::move(route), std::move(caller));
            break;
        case Route::Kind::tree:
            co_await listings_.tree(exchange, std::move(route), std::move(caller));
            break;
        case Route::Kind::paths_info:
            co_await listings_.paths_info(exchange, std::move(route), std::move(caller));
            break;
        case Route::Kind::refs:
            co_await listings_.refs(exchange, std::move(route), std::move(caller));
            break;
        case Route::Kind::xet_token:
            co_await xet_.token(exchange, std::move(route), std::move(visitor), std::move(caller));
            break;
        case Route::Kind::auth_check:
            if (route.path == "write") {
                co_await send_refusal(exchange, {read_only(), {}}, true);
                break;
            }
            co_await forward_.pass(exchange, std::move(route), std::move(caller.credential));
            break;
        case Route::Kind::commits:
        case Route::Kind::api_other:
            co_await reads_.serve(exchange, std::move(route), std::move(caller),
                                  std::move(visitor));
            break;
        default: co_await files_.serve(exchange, std::move(route), std::move(caller));
    }
}

Task<void> Proxy::personal(Exchange& exchange, Route route, Visitor visitor) {
    if (!route.repo.name.empty()) {
        const auto admitted = co_await access_.admit(exchange.thread(), visitor, route);
        if (!admitted) {
            co_await send_refusal(exchange, admitted.error(), true);
            co_return;
        }
    }
    Credential credential{Credential::Kind::client, std::move(visitor.hub_token)};
    if (credential.token.empty()) credential.kind = Credential::Kind::none;
    credential.via = hubkeeps_passed(exchange.request());
    co_await forward_.pass(exchange, std::move(route), std::move(credential));
}

// Never asked with a service token: the Hub would describe the service, which is nobody's business.
Task<void> Proxy::whoami(Exchange& exchange, Route route, Visitor visitor) {
    if (!visitor.hub_token.empty()) {
        Credential credential{Credential::Kind::client, std::move(visitor.hub_token), false,
                              hubkeeps_passed(exchange.request())};
        co_await forward_.pass(exchange, std::move(route), std::move(credential));
    } else if (!visitor.name.empty()) {
        ResponseHead head;
        head.headers.set("Content-Type", "application/json; charset=utf-8");
        head.headers.set("Cache-Control", "no-store");
        co_await exchange.respond(std::move(head), whoami_document(visitor.name, visitor.team));
    } else {
        co_await send_refusal(exchange, {not_authenticated(), {}}, true);
    }
}

Task<void> Proxy::page(Exchange& exchange, Route route) {
    const bool root = route.kind == Route::Kind::root;
    HelpPage help{public_origin(settings_, exchange), upstream_.hub().url(), route.target(),
                  std::move(route.repo)};
    const bool html = accepts_html(exchange.request().headers.get("Accept"));
    ResponseHead head{.status = root || html ? 200 : 404};
    head.headers.set("Content-Type", html ? "text/html; charset=utf-8" : plain_text);
    head.headers.set("Content-Security-Policy", help_security_policy);
    head.headers.set("X-Content-Type-Options", "nosniff");
    head.headers.set("Referrer-Policy", "no-referrer");
    head.headers.set("Vary", "Accept");
    co_await exchange.respond(std::move(head), html ? help_html(help) : help_text(help));
}

// The page of a file shows it; here is only the file.
Task<void> Proxy::to_the_file(Exchange& exchange, Route route) {
    ResponseHead head{.status = 302};
    head.headers.set("Location", resolve_target(route.repo, route.revision, route.path));
    co_await exchange.respond(std::move(head), {});
}

Task<void> Proxy::preflight(Exchange& exchange) {
    ResponseHead head{.status = 204};
    head.headers.set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS, POST");
    head.headers.set("Access-Control-Allow-Headers",
                     "Authorization, Range, Content-Type, If-None-Match, If-Range, X-HF-Bill-To");
    head.headers.set("Access-Control-Max-Age", "86400");
    head.headers.set("Allow", "GET, HEAD, OPTIONS, POST");
    co_await exchange.respond(std::move(head), {});
}

Task<void> Proxy::own(Exchange& exchange, Route route) {
    if (route.own_path == "livez") {
        co_await send_text(exchange, 200, plain_text, "ok\n");
    } else if (route.own_path == "readyz") {
        const bool ready = health_.ready();
        co_await send_text(exchange, ready ? 200 : 503, plain_text, health_.report());
    } else if (route.own_path == "webhook") {
        co_await webhook_.handle(exchange);
    } else {
        co_await send_text(exchange, 404, plain_text, "hubkeep has nothing at this address\n");
    }
}

}  // namespace hubkeep
