#include "server/proxy/webhook.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace hubkeep {
namespace {

constexpr std::size_t body_limit_bytes = 1024 * 1024;
constexpr std::size_t max_seen = 1024;
// Longer than it takes the Hub to try again; afterwards a repetition costs one question.
constexpr auto seen_time = std::chrono::minutes(10);
constexpr std::string_view plain_text = "text/plain; charset=utf-8";

}  // namespace

bool Webhook::is_new(const Digest& digest) {
    const auto now = SteadyClock::now();
    const std::lock_guard lock(mutex_);
    while (!seen_.empty() && (now >= seen_.front().until || seen_.size() >= max_seen)) {
        seen_.pop_front();
    }
    if (std::ranges::find(seen_, digest, &Seen::digest) != seen_.end()) return false;
    seen_.push_back({digest, now + seen_time});
    return true;
}

void Webhook::forget(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    std::erase_if(seen_, [&](const Seen& seen) { return seen.digest == digest; });
}

Task<Outcome<std::vector<Webhook::Confirmed>>> Webhook::act(IoThread& thread, WebhookEvent event) {
    if (event.whole_repo) refresher_.expire(thread, event.repo);
    std::vector<Confirmed> confirmed;
    for (auto& ref : event.refs) {
        const auto known = refresher_.known(thread, event.repo, ref.revision);
        // What nobody has asked for is asked for when somebody does.
        if (known.commit.empty() || known.pinned || known.commit == ref.commit) continue;
        const auto refreshed =
            co_await refresher_.refresh(thread, event.repo, ref.revision, Priority::background);
        if (refreshed) {
            confirmed.push_back({ref.revision, refreshed->after});
        } else if (takes_away(refreshed.error().error)) {
            confirmed.push_back({ref.revision, ""});
        } else {
            co_return std::unexpected(refreshed.error());
        }
    }
    co_return confirmed;
}

Task<void> Webhook::handle(Exchange& exchange) {
    const auto& request = exchange.request();
    if (secret_.empty()) {
        co_await send_text(exchange, 404, plain_text,
                           "there is no webhook here: webhook.secret_file is not set\n");
        co_return;
    }
    if (request.method != "POST") {
        co_await send_text(exchange, 405, plain_text, "the webhook answers POST only\n");
        co_return;
    }
    if (!secret_.equals(request.headers.get("X-Webhook-Secret"))) {
        log_.warn("a webhook call with a wrong secret was refused", {{"peer", exchange.peer()}});
        const Refusal refusal{not_allowed("X-Webhook-Secret is not the one set up here."), {}};
        co_await send_refusal(exchange, refusal, true);
        co_return;
    }
    const auto body = co_await exchange.read_body(body_limit_bytes);
    if (!body) {
        co_await send_refusal(exchange, {from_error(body.error()), {}}, true);
        co_return;
    }
    auto event = parse_webhook(*body);
    if (!event) {
        co_await send_refusal(exchange, {bad_request(event.error().message), {}}, true);
        co_return;
    }
    const auto digest = digest_of(DigestKind::sha256, *body);
    Outcome<std::vector<Confirmed>> confirmed;
    if (is_new(digest)) confirmed = co_await act(exchange.thread(), std::move(*event));
    if (!confirmed) {
        forget(digest);
        co_await send_refusal(exchange, confirmed.error(), true);
        co_return;
    }
    boost::json::array list;
    for (const auto& [revision, commit] : *confirmed) {
        list.push_back(boost::json::object{
            {"revision", revision},
            {"commit", commit.empty() ? boost::json::value() : boost::json::value(commit)}});
    }
    auto text = boost::json::serialize(boost::json::object{{"confirmed", std::move(list)}});
    co_await send_text(exchange, 200, "application/json", std::move(text));
}

}  // namespace hubkeep
