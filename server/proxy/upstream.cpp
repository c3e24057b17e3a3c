#include "server/proxy/upstream.hpp"

#include <fmt/format.h>

#include "server/hub/errors.hpp"

namespace hubkeep {
namespace {

constexpr int max_hops = 5;
constexpr auto pause_when_limited = seconds(10);

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// RFC 3986 section 5.2 for the two forms that occur: absolute, and starting with a slash.
Result<Url> resolve_location(const Origin& base, std::string_view location) {
    if (location.starts_with("/") && !location.starts_with("//")) {
        return Url{base, std::string(location)};
    }
    return parse_url(location);
}

}  // namespace

Upstream::Upstream(const Settings& settings, Origin hub, Secret service_token,
                   std::vector<std::unique_ptr<Client>> clients, Log& log)
    : hub_(std::move(hub)),
      offline_(settings.offline),
      service_token_(std::move(service_token)),
      clients_(std::move(clients)),
      log_(log) {}

Credential Upstream::service_credential() const {
    if (service_token_.empty()) return {};
    return {Credential::Kind::service, service_token_};
}

bool Upstream::worth_asking() const {
    return !offline_ && breaker_.would_allow(SteadyClock::now());
}

std::string Upstream::why_not() const {
    if (offline_) return "hubkeep is set to offline";
    const auto cause = breaker_.cause();
    return cause.empty() ? "the Hub does not answer" : "the Hub does not answer (" + cause + ")";
}

Task<Result<ClientResponse>> Upstream::one_hop(IoThread& thread, const Origin& origin,
                                               const HubRequest& request, const std::string& target,
                                               const Credential& credential) {
    ClientRequest out;
    out.origin = origin;
    out.head.method = request.method;
    out.head.target = target;
    out.head.headers = request.headers;
    out.body = request.body;
    auto& headers = out.head.headers;
    if (!headers.has("User-Agent")) headers.set("User-Agent", "hubkeep/" HUBKEEP_VERSION);
    if (!headers.has("Accept")) headers.set("Accept", "*/*");
    headers.set("Accept-Encoding", "identity");
    headers.remove("Authorization");
    if (origin == hub_ && !credential.token.empty()) {
        headers.set("Authorization", fmt::format("Bearer {}", credential.token.reveal()));
    }
    auto response = co_await client(thread).send(std::move(out));
    co_return response;
}

void Upstream::judge(const Result<ClientResponse>& response) {
    const auto now = SteadyClock::now();
    if (!response) {
        if (stopping_ || response.error().kind == ErrorKind::cancelled) return breaker_.unknown();
        breaker_.failure(now, response.error().message);
        return;
    }
    const int status = response->status();
    if (status == 429) {
        const auto& headers = response->head().headers;
        const auto get = [&](std::string_view name) { return headers.get(name); };
        const auto wait = from_hub(status, get, false, false).retry_after_seconds;
        breaker_.pause(now, wait >= 0 ? seconds(wait) : pause_when_limited,
                       "it limits our requests");
    } else if (status >= 500) {
        breaker_.failure(now, fmt::format("it answered {}", status));
    } else {
        breaker_.success();
    }
}

Task<Result<HubAnswer>> Upstream::ask(IoThread& thread, HubRequest request,
                                      const Credential& credential, Follow follow) {
    if (stopping_) co_return fail(ErrorKind::cancelled, "hubkeep is stopping");
    if (offline_ || !breaker_.allow(SteadyClock::now())) {
        co_return fail(ErrorKind::unreachable, why_not());
    }
    Url url{hub_, request.target};
    std::vector<ResponseHead> redirects;
    std::string hub_target = request.target;
    for (int hop = 0; hop <= max_hops; ++hop) {
        const bool at_hub = url.origin == hub_;
        auto response = co_await one_hop(thread, url.origin, request, url.target, credential);
        if (at_hub) judge(response);
        if (!response) co_return std::unexpected(response.error());
        if (at_hub) hub_target = url.target;
        const auto location = response->head().headers.get("Location");
        if (follow == Follow::no || !is_redirect(response->status()) || location.empty()) {
            co_return HubAnswer{std::move(*response), std::move(redirects), std::move(hub_target),
                                !at_hub};
        }
        auto next = resolve_location(url.origin, location);
        if (!next) {
            co_return fail(ErrorKind::protocol, "the Hub redirects to an unusable address");
        }
        if (next->origin != url.origin && url.origin.tls && !next->origin.tls) {
            co_return fail(ErrorKind::protocol,
                           "the Hub redirects from https to http, which is refused");
        }
        if (follow == Follow::same_origin && next->origin != hub_) {
            co_return HubAnswer{std::move(*response), std::move(redirects), std::move(hub_target),
                                false};
        }
        redirects.push_back(response->head());
        url = std::move(*next);
        // The rest of a redirect's body is small: reading it keeps the connection for the next hop.
        co_await response->read_all(64 * 1024);
    }
    co_return fail(ErrorKind::protocol, "the Hub redirects in a circle");
}

}  // namespace hubkeep
