#include "server/proxy/upstream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "common/byte_range.hpp"
#include "server/proxy/hop_log.hpp"
#include "server/proxy/mirrors.hpp"

namespace hubkeep {
namespace {

constexpr int max_hops = 5;
// A question that was refused may be asked once more after the reset, when it has the patience.
constexpr int max_questions = 3;
constexpr auto patience_of_head = seconds(7);
constexpr auto patience = seconds(25);
// A mirror that hangs must leave time for the next endpoint.
constexpr auto mirror_patience_of_head = seconds(3);
constexpr auto mirror_patience = seconds(8);
constexpr auto time_of_distrust = std::chrono::minutes(10);
constexpr std::size_t max_sites = 16;
constexpr std::string_view official_host = "huggingface.co";
constexpr std::size_t small_body_bytes = 64 * 1024;
constexpr std::uint64_t longest_wait = 3600;
constexpr std::int64_t pause_when_overloaded_seconds = 1;

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

ResponseHead limited_head(const RateLimit& limit, const std::optional<RateLimitPolicy>& policy) {
    ResponseHead head{.status = 429};
    head.headers.set("RateLimit", to_text(limit));
    if (policy) head.headers.set("RateLimit-Policy", to_text(*policy));
    return head;
}

std::string new_name() {
    std::random_device random;
    return fmt::format("1.1 hubkeep-{:08x}{:08x}", random(), random());
}

Budget::Report report_of(const ResponseHead& head) {
    const auto& headers = head.headers;
    Budget::Report report{.refused = head.status == 429,
                          .limit = parse_rate_limit(headers.get("RateLimit")),
                          .policy = parse_rate_limit_policy(headers.get("RateLimit-Policy"))};
    if (const auto wait = parse_u64(headers.get("Retry-After"))) {
        report.retry_after_seconds = static_cast<std::int64_t>(std::min(*wait, longest_wait));
    }
    return report;
}

// A request that counts as under way at the Hub, until its answer is settled.
class UnderWay {
  public:
    UnderWay(Budget& budget, const Budget::Account& account) : budget_(budget), account_(account) {}
    UnderWay(const UnderWay&) = delete;
    UnderWay& operator=(const UnderWay&) = delete;
    ~UnderWay() {
        if (!settled_) budget_.give_up(account_);
    }
    void settle(const ResponseHead& head) {
        settled_ = true;
        budget_.settle(account_, report_of(head), SteadyClock::now());
    }

  private:
    Budget& budget_;
    const Budget::Account& account_;
    bool settled_ = false;
};

Headers only(const Headers& headers, std::initializer_list<std::string_view> names) {
    Headers out;
    for (const auto name : names) {
        if (headers.has(name)) out.set(name, headers.get(name));
    }
    return out;
}

// Counts for as long as it lives.
struct Counted {
    explicit Counted(std::atomic<std::size_t>& n) : number(n), mine(n.fetch_add(1) + 1) {}
    ~Counted() { number.fetch_sub(1); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    std::atomic<std::size_t>& number;
    const std::size_t mine;
};

}  // namespace

bool Upstream::Endpoint::would_allow(TimePoint now) const {
    return now >= distrusted_until.load() && breaker.would_allow(now);
}

Upstream::Upstream(const Settings& settings, Origin hub, std::vector<Origin> mirrors,
                   ServiceTokens& tokens, std::vector<std::unique_ptr<Client>> clients, Log& log)
    : hub_(std::move(hub), Endpoint::Kind::hub),
      offline_(settings.offline),
      max_asking_(settings.limits.hub_requests),
      own_name_(new_name()),
      tokens_(tokens),
      clients_(std::move(clients)),
      log_(log) {
    for (auto& mirror : mirrors) {
        mirrors_.push_back(std::make_unique<Endpoint>(std::move(mirror), Endpoint::Kind::mirror));
    }
}

bool Upstream::worth_asking(const std::optional<Origin>& of_site) const {
    if (offline_) return false;
    const auto now = SteadyClock::now();
    if (of_site) {
        const auto* const endpoint = find_site(*of_site);
        return !endpoint || endpoint->would_allow(now);
    }
    const auto works = [&](const auto& mirror) { return mirror->would_allow(now); };
    return hub_.would_allow(now) || std::ranges::any_of(mirrors_, works);
}

void Upstream::distrust(const Origin& origin) {
    for (auto& mirror : mirrors_) {
        if (mirror->origin != origin) continue;
        log_.warn("a mirror sent wrong bytes; it is not asked for a while",
                  {{"mirror", origin.url()}});
        mirror->distrusted_until = SteadyClock::now() + time_of_distrust;
    }
}

const Upstream::Endpoint* Upstream::find_site(const Origin& origin) const {
    const std::lock_guard lock(sites_mutex_);
    const auto found = sites_.find(origin);
    return found == sites_.end() ? nullptr : &found->second;
}

// Null when there are more than the code could mean: then somebody else decides the address.
Upstream::Endpoint* Upstream::site(const Origin& origin) {
    const std::lock_guard lock(sites_mutex_);
    const auto found = sites_.find(origin);
    if (found != sites_.end()) return &found->second;
    if (sites_.size() >= max_sites) return nullptr;
    return &sites_.try_emplace(origin, origin, Endpoint::Kind::site).first->second;
}

void Upstream::stop() {
    stopping_ = true;
    budget_.wake_all();
}

Budget::Account Upstream::account_of(const Endpoint& endpoint, std::string_view target,
                                     const Credential& credential) const {
    const bool alone = endpoint.kind != Endpoint::Kind::hub || credential.token.empty();
    return {endpoint.origin.url(), alone ? "" : credential.token.fingerprint(), bucket_of(target)};
}

ResponseHead Upstream::refusal_by_quota(const Budget::Account& account) const {
    const auto line = budget_.line(account, SteadyClock::now());
    return limited_head(line.limit, line.policy);
}

Task<Result<ClientResponse>> Upstream::send(IoThread& thread, const Hop& hop) {
    const auto& request = hop.request;
    ClientRequest out;
    out.origin = hop.url.origin;
    out.head.method = request.method;
    out.head.target = hop.url.target;
    out.head.headers = request.headers;
    out.body = request.body;
    auto& headers = out.head.headers;
    if (!headers.has("User-Agent")) headers.set("User-Agent", "hubkeep/" HUBKEEP_VERSION);
    if (!headers.has("Accept")) headers.set("Accept", "*/*");
    headers.remove("Authorization");
    // A CDN needs to know no more than which bytes are wanted.
    const bool at_endpoint = hop.url.origin == hop.endpoint.origin;
    if (!at_endpoint) {
        headers = only(headers, {"Range", "Accept", "User-Agent"});
        out.led_by = hop.endpoint.origin;
    }
    headers.set("Accept-Encoding", "identity");
    const bool at_hub = at_endpoint && hop.endpoint.kind == Endpoint::Kind::hub;
    if (at_hub) out.bearer = hop.credential.token;
    // For other hubkeeps, so that two that ask each other notice. The Hub has no use for it.
    if (at_endpoint && !hop.url.origin.host.ends_with(official_host)) {
        const auto& via = hop.credential.via;
        headers.set("Via", via.empty() ? own_name_ : via + ", " + own_name_);
    }
    if (hop.endpoint.kind == Endpoint::Kind::mirror) {
        out.patience = request.method == "HEAD" ? mirror_patience_of_head : mirror_patience;
    }
    const HopLog hop_log(log_, out);
    auto response = co_await client(thread).send(std::move(out));
    hop_log.end(response);
    co_return response;
}

void Upstream::judge(Endpoint& endpoint, const Result<ClientResponse>& response) {
    const auto now = SteadyClock::now();
    auto& breaker = endpoint.breaker;
    if (!response) {
        if (stopping_ || response.error().kind == ErrorKind::cancelled) return breaker.unknown();
        breaker.failure(now, response.error().message);
    } else if (response->status() >= 500 && !is_from_hubkeep(response->head())) {
        breaker.failure(now, fmt::format("it answered {}", response->status()));
    } else {
        breaker.success();
    }
}

// What to answer in place of the Hub when it refuses our own token.
std::optional<ResponseHead> Upstream::refusal_of_token(const Hop& hop, const ResponseHead& head) {
    const bool is_ours = hop.credential.kind == Credential::Kind::service;
    if (!is_ours || hop.endpoint.kind != Endpoint::Kind::hub) return std::nullopt;
    const auto name = tokens_.judge(hop.credential, head);
    if (!name) return std::nullopt;
    const auto error = service_token_refused(*name);
    ResponseHead refusal{.status = error.status};
    for (const auto& [field, value] : error_headers(error, false))
        refusal.headers.set(field, value);
    return refusal;
}

// True when the request may go now, and then counts as under way.
Task<bool> Upstream::admitted(const Budget::Account& account, Priority priority,
                              TimePoint deadline) {
    const Executor executor = co_await asio::this_coro::executor;
    for (;;) {
        const auto decision = budget_.take(account, priority, SteadyClock::now(), executor);
        if (decision.verdict == Budget::Verdict::go) co_return true;
        if (decision.verdict == Budget::Verdict::refuse) co_return false;
        const bool in_vain = decision.until != TimePoint::max() && decision.until > deadline;
        if (!in_vain && !stopping_)
            co_await wait(decision.ticket, std::min(decision.until, deadline));
        const bool over = in_vain || stopping_ || SteadyClock::now() >= deadline;
        budget_.leave(account, decision.ticket, over);
        if (over) co_return false;
    }
}

// One question, asked again after a reset that comes soon enough.
Task<Result<ClientResponse>> Upstream::hop_at_endpoint(IoThread& thread, const Hop& hop) {
    const auto account = account_of(hop.endpoint, hop.url.target, hop.credential);
    for (int question = 1; question <= max_questions; ++question) {
        const bool may_go = co_await admitted(account, hop.priority, hop.deadline);
        if (!may_go) break;
        UnderWay under_way(budget_, account);
        if (stopping_) co_return fail(ErrorKind::cancelled, "hubkeep is stopping");
        if (!hop.endpoint.breaker.allow(SteadyClock::now())) {
            co_return fail(ErrorKind::unreachable, why_not(hop.endpoint));
        }
        auto response = co_await send(thread, hop);
        judge(hop.endpoint, response);
        if (response) under_way.settle(response->head());
        if (!response) co_return response;
        auto refusal = refusal_of_token(hop, response->head());
        if (refusal) {
            co_await response->read_all(small_body_bytes);
            co_return ClientResponse::made_here(std::move(*refusal));
        }
        if (response->status() != 429) co_return response;
        log_.warn("the Hub limits our requests",
                  {{"endpoint", account.endpoint},
                   {"bucket", name_of(account.bucket)},
                   {"seconds", budget_.line(account, SteadyClock::now()).limit.reset_seconds}});
        // Reading it keeps the connection for the next question.
        co_await response->read_all(small_body_bytes);
    }
    co_return ClientResponse::made_here(refusal_by_quota(account));
}

HubAnswer Upstream::answer_here(const HubRequest& request, ResponseHead head) const {
    return HubAnswer{.response = ClientResponse::made_here(std::move(head)),
                     .hub_target = request.target,
                     .origin = request.site.value_or(hub_.origin)};
}

Task<Result<HubAnswer>> Upstream::ask(IoThread& thread, HubRequest request,
                                      const Credential& credential, Follow follow_how) {
    if (stopping_) co_return fail(ErrorKind::cancelled, "hubkeep is stopping");
    if (offline_) co_return fail(ErrorKind::unreachable, why_not());
    const Counted asking(asking_);
    if (asking.mine > max_asking_) {
        const RateLimit limit{"proxy", 0, pause_when_overloaded_seconds};
        co_return answer_here(request, limited_head(limit, std::nullopt));
    }
    if (request.site) {
        auto* const endpoint = site(*request.site);
        if (!endpoint) co_return fail(ErrorKind::invalid, "too many different sites");
        auto answer = co_await follow(thread, *endpoint, request, credential, follow_how);
        co_return answer;
    }
    auto mirrored = co_await ask_mirrors(thread, request, credential, follow_how);
    if (mirrored.is_good) co_return std::move(*mirrored.answer);
    auto answer = co_await follow(thread, hub_, request, credential, follow_how);
    const bool hub_spoke =
        answer && answer->response.status() != 429 && answer->response.status() < 500;
    if (!hub_spoke && mirrored.answer) co_return std::move(*mirrored.answer);
    co_return answer;
}

Task<Result<HubAnswer>> Upstream::ask_where_led(IoThread& thread, HubRequest request, Url url) {
    if (stopping_) co_return fail(ErrorKind::cancelled, "hubkeep is stopping");
    if (offline_) co_return fail(ErrorKind::unreachable, why_not());
    const Hop hop{.request = request, .endpoint = hub_, .url = std::move(url), .left = true};
    auto response = co_await send(thread, hop);
    if (!response) co_return std::unexpected(response.error());
    co_return HubAnswer{.response = std::move(*response),
                        .hub_target = request.target,
                        .left_hub = true,
                        .origin = hub_.origin};
}

// The first good answer, else what counts when the Hub cannot be asked.
Task<Upstream::Mirrored> Upstream::ask_mirrors(IoThread& thread, const HubRequest& request,
                                               const Credential& credential, Follow follow_how) {
    Mirrored found;
    if (!request.mirrors_may_answer || !credential.shared) co_return found;
    for (const auto& mirror : mirrors_) {
        if (!mirror->would_allow(SteadyClock::now())) continue;
        auto answer = co_await follow(thread, *mirror, request, credential, follow_how);
        if (!answer) continue;
        found.is_good = is_good_answer(*answer, request);
        const bool counts = found.is_good || is_second_best(*answer, request);
        if (counts && (found.is_good || !found.answer)) found.answer = std::move(*answer);
        if (found.is_good) break;
    }
    co_return found;
}

Result<Url> Upstream::next_hop(const Hop& hop, std::string_view location) const {
    auto next = parse_url_from(hop.url.origin, location);
    if (!next) return fail(ErrorKind::protocol, "the Hub redirects to an unusable address");
    if (next->origin != hop.url.origin && hop.url.origin.tls && !next->origin.tls) {
        return fail(ErrorKind::protocol, "the Hub redirects from https to http, which is refused");
    }
    if (hop.endpoint.kind == Endpoint::Kind::mirror && next->origin == hub_.origin) {
        return fail(ErrorKind::protocol, "a mirror only redirects to the Hub");
    }
    return next;
}

Task<Result<HubAnswer>> Upstream::follow(IoThread& thread, Endpoint& endpoint,
                                         const HubRequest& request, const Credential& credential,
                                         Follow follow) {
    const auto patient = request.method == "HEAD" ? patience_of_head : patience;
    const bool waits = endpoint.kind != Endpoint::Kind::mirror;
    const auto now = SteadyClock::now();
    Hop hop{request,          credential,
            endpoint,         Url{endpoint.origin, request.target},
            request.priority, waits ? now + request.patience.value_or(patient) : now};
    std::vector<ResponseHead> redirects;
    std::string hub_target = request.target;
    std::optional<Url> led_to;
    for (int hops = 0; hops <= max_hops; ++hops) {
        const bool at_endpoint = hop.url.origin == endpoint.origin;
        auto sent = at_endpoint ? hop_at_endpoint(thread, hop) : send(thread, hop);
        auto response = co_await std::move(sent);
        if (!response) co_return std::unexpected(response.error());
        if (at_endpoint && !hop.left) hub_target = hop.url.target;
        const auto location = response->head().headers.get("Location");
        const bool is_last =
            follow == Follow::no || !is_redirect(response->status()) || location.empty();
        auto next = is_last ? Result<Url>(Url{}) : next_hop(hop, location);
        if (!next) co_return std::unexpected(next.error());
        const bool leaves = !is_last && next->origin != endpoint.origin;
        if (leaves && !led_to) led_to = *next;
        if (is_last || (leaves && follow == Follow::same_origin)) {
            auto warning = stale_warning_of(response->head());
            co_return HubAnswer{.response = std::move(*response),
                                .redirects = std::move(redirects),
                                .hub_target = std::move(hub_target),
                                .left_hub = !at_endpoint,
                                .led_to = std::move(led_to),
                                .origin = endpoint.origin,
                                .warning = std::move(warning)};
        }
        redirects.push_back(response->head());
        hop.url = std::move(*next);
        if (leaves) {
            // A stranger may lead back here, but does not choose what our credential opens.
            hop.left = true;
            hop.credential = {.via = hop.credential.via};
        }
        // What was begun is brought to its end: half of it would have cost as much.
        hop.priority = Priority::foreground;
        // The rest of a redirect's body is small: reading it keeps the connection for the next hop.
        co_await response->read_all(small_body_bytes);
    }
    co_return fail(ErrorKind::protocol, "the Hub redirects in a circle");
}

}  // namespace hubkeep
