#include "server/proxy/upstream.hpp"

#include <fmt/format.h>

#include "common/byte_range.hpp"

namespace hubkeep {
namespace {

constexpr int max_hops = 5;
// A question that was refused may be asked once more after the reset, when it has the patience.
constexpr int max_questions = 3;
constexpr auto patience_of_head = seconds(7);
constexpr auto patience = seconds(25);
constexpr std::size_t small_body_bytes = 64 * 1024;
constexpr std::uint64_t longest_wait = 3600;
constexpr std::int64_t pause_when_overloaded_seconds = 1;

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

ResponseHead limited_head(const RateLimit& limit, const std::optional<RateLimitPolicy>& policy) {
    ResponseHead head{.status = 429};
    head.headers.set("RateLimit", to_text(limit));
    if (policy) head.headers.set("RateLimit-Policy", to_text(*policy));
    return head;
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

Upstream::Upstream(const Settings& settings, Origin hub, Secret service_token,
                   std::vector<std::unique_ptr<Client>> clients, Log& log)
    : hub_(std::move(hub)),
      offline_(settings.offline),
      max_asking_(settings.limits.hub_requests),
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

void Upstream::stop() {
    stopping_ = true;
    budget_.wake_all();
}

Budget::Account Upstream::account_of(std::string_view target, const Credential& credential) const {
    const auto& token = credential.token;
    return {hub_.url(), token.empty() ? "" : token.fingerprint(), bucket_of(target)};
}

ResponseHead Upstream::refusal_by_quota(const Budget::Account& account) const {
    const auto line = budget_.line(account, SteadyClock::now());
    return limited_head(line.limit, line.policy);
}

HubError Upstream::limit_of(std::string_view target, const Credential& credential) const {
    const auto head = refusal_by_quota(account_of(target, credential));
    const auto get = [&](std::string_view name) { return head.headers.get(name); };
    return from_hub(head.status, get, false, false);
}

std::string Upstream::quota_report() const {
    std::string text;
    const auto own = service_token_.empty() ? "" : service_token_.fingerprint();
    for (const auto& line : budget_.snapshot(SteadyClock::now())) {
        // Clients' own tokens have their own quotas, which are no concern of the operator.
        if (!line.account.who.empty() && line.account.who != own) continue;
        text += fmt::format("quota {} at {}: ", line.limit.bucket, line.account.endpoint);
        text += line.closed ? "used up" : fmt::format("{} left", line.limit.left);
        if (line.policy) text += fmt::format(" of {}", line.policy->quota);
        text += fmt::format(" for {} s, {} waiting\n", line.limit.reset_seconds, line.waiting);
    }
    return text;
}

Task<Result<ClientResponse>> Upstream::send(IoThread& thread, const Hop& hop) {
    const auto& request = hop.request;
    const auto& token = hop.credential.token;
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
    if (hop.url.origin != hub_) headers = only(headers, {"Range", "Accept", "User-Agent"});
    headers.set("Accept-Encoding", "identity");
    if (hop.url.origin == hub_ && !token.empty()) {
        headers.set("Authorization", fmt::format("Bearer {}", token.reveal()));
    }
    auto response = co_await client(thread).send(std::move(out));
    co_return response;
}

void Upstream::judge(const Result<ClientResponse>& response) {
    const auto now = SteadyClock::now();
    if (!response) {
        if (stopping_ || response.error().kind == ErrorKind::cancelled) return breaker_.unknown();
        breaker_.failure(now, response.error().message);
    } else if (response->status() >= 500) {
        breaker_.failure(now, fmt::format("it answered {}", response->status()));
    } else {
        breaker_.success();
    }
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
Task<Result<ClientResponse>> Upstream::hop_at_hub(IoThread& thread, const Hop& hop) {
    const auto account = account_of(hop.url.target, hop.credential);
    for (int question = 1; question <= max_questions; ++question) {
        const bool may_go = co_await admitted(account, hop.priority, hop.deadline);
        if (!may_go) break;
        UnderWay under_way(budget_, account);
        if (stopping_) co_return fail(ErrorKind::cancelled, "hubkeep is stopping");
        if (!breaker_.allow(SteadyClock::now())) co_return fail(ErrorKind::unreachable, why_not());
        auto response = co_await send(thread, hop);
        judge(response);
        if (response) under_way.settle(response->head());
        if (!response || response->status() != 429) co_return response;
        log_.warn("the Hub limits our requests",
                  {{"bucket", name_of(account.bucket)},
                   {"seconds", budget_.line(account, SteadyClock::now()).limit.reset_seconds}});
        // Reading it keeps the connection for the next question.
        co_await response->read_all(small_body_bytes);
    }
    co_return ClientResponse::made_here(refusal_by_quota(account));
}

Task<Result<HubAnswer>> Upstream::ask(IoThread& thread, HubRequest request,
                                      const Credential& credential, Follow follow_how) {
    if (stopping_) co_return fail(ErrorKind::cancelled, "hubkeep is stopping");
    if (!worth_asking()) co_return fail(ErrorKind::unreachable, why_not());
    const Counted asking(asking_);
    if (asking.mine > max_asking_) {
        auto head = limited_head({"proxy", 0, pause_when_overloaded_seconds}, std::nullopt);
        co_return HubAnswer{ClientResponse::made_here(std::move(head)), {}, request.target, false};
    }
    auto answer = co_await follow(thread, std::move(request), credential, follow_how);
    co_return answer;
}

Task<Result<HubAnswer>> Upstream::follow(IoThread& thread, HubRequest request,
                                         const Credential& credential, Follow follow) {
    const auto patient = request.method == "HEAD" ? patience_of_head : patience;
    const auto deadline = SteadyClock::now() + request.patience.value_or(patient);
    Hop hop{request, credential, Url{hub_, request.target}, request.priority, deadline};
    std::vector<ResponseHead> redirects;
    std::string hub_target = request.target;
    for (int hops = 0; hops <= max_hops; ++hops) {
        const bool at_hub = hop.url.origin == hub_;
        auto sent = at_hub ? hop_at_hub(thread, hop) : send(thread, hop);
        auto response = co_await std::move(sent);
        if (!response) co_return std::unexpected(response.error());
        if (at_hub) hub_target = hop.url.target;
        const auto location = response->head().headers.get("Location");
        if (follow == Follow::no || !is_redirect(response->status()) || location.empty()) {
            co_return HubAnswer{std::move(*response), std::move(redirects), std::move(hub_target),
                                !at_hub};
        }
        auto next = resolve_location(hop.url.origin, location);
        if (!next) {
            co_return fail(ErrorKind::protocol, "the Hub redirects to an unusable address");
        }
        if (next->origin != hop.url.origin && hop.url.origin.tls && !next->origin.tls) {
            co_return fail(ErrorKind::protocol,
                           "the Hub redirects from https to http, which is refused");
        }
        if (follow == Follow::same_origin && next->origin != hub_) {
            co_return HubAnswer{std::move(*response), std::move(redirects), std::move(hub_target),
                                false};
        }
        redirects.push_back(response->head());
        hop.url = std::move(*next);
        // What was begun is brought to its end: half of it would have cost as much.
        hop.priority = Priority::foreground;
        // The rest of a redirect's body is small: reading it keeps the connection for the next hop.
        co_await response->read_all(small_body_bytes);
    }
    co_return fail(ErrorKind::protocol, "the Hub redirects in a circle");
}

}  // namespace hubkeep
