#include "server/admin/admin_gate.hpp"

#include "common/byte_range.hpp"

namespace hubkeep {
namespace {

constexpr int max_wrong_tokens = 5;  // within `lock_time`, which is also how long the lock holds
constexpr auto lock_time = seconds(1);

bool is_read(const RequestHead& request) {
    return request.method == "GET" || request.method == "HEAD";
}

bool is_probe(const RequestHead& request) {
    const auto path = request.path();
    return is_read(request) &&
           (path == "/livez" || path == "/-/livez" || path == "/readyz" || path == "/-/readyz");
}

// Browsers say where a request comes from; other clients send neither field.
bool is_from_a_page(const RequestHead& request) {
    const auto site = request.headers.get("Sec-Fetch-Site");
    return request.headers.has("Origin") ||
           (request.headers.has("Sec-Fetch-Site") && site != "none" && site != "same-origin");
}

// A page of another site may send forms and text without asking first, but no JSON.
bool has_wrong_body(const RequestHead& request) {
    if (is_read(request)) return false;
    const auto& headers = request.headers;
    const bool has_body = headers.has("Transfer-Encoding") ||
                          parse_u64(headers.get("Content-Length")).value_or(0) > 0;
    const auto type = headers.get("Content-Type");
    return has_body && !iequals(type.substr(0, type.find(';')), "application/json");
}

std::string_view token_in(std::string_view authorization) {
    constexpr std::string_view scheme = "Bearer ";
    if (!iequals(authorization.substr(0, scheme.size()), scheme)) return {};
    return authorization.substr(scheme.size());
}

HubError token_wanted() {
    return {.status = 401,
            .code = "",
            .message =
                "Administration asks for a token: Authorization: Bearer TOKEN. The first "
                "lines of hubkeep's output say which file has it.",
            .realm = "hubkeep admin"};
}

HubError slow_down() {
    HubError error{.status = 429, .code = "", .message = ""};
    error.message = "Too many wrong tokens; try again in a second.";
    error.retry_after_seconds = std::chrono::duration_cast<seconds>(lock_time).count();
    return error;
}

// The refusal lives as long as the task.
Task<void> refuse_with(Exchange& exchange, Refusal refusal) {
    co_await send_refusal(exchange, refusal, true);
}

}  // namespace

bool AdminGate::note_wrong_token(TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (now < locked_until_) return true;
    if (now - counted_since_ >= lock_time) {
        counted_since_ = now;
        wrong_tokens_ = 0;
    }
    if (++wrong_tokens_ <= max_wrong_tokens) return false;
    locked_until_ = now + lock_time;
    return true;
}

std::optional<HubError> AdminGate::judge_token(std::string_view authorization, TimePoint now) {
    if (!token_) return {};
    const auto shown = token_in(authorization);
    if (shown.empty()) return token_wanted();
    if (token_->equals(shown)) return {};
    return note_wrong_token(now) ? slow_down() : token_wanted();
}

std::optional<HubError> AdminGate::judge(const RequestHead& request, std::string_view authorization,
                                         TimePoint now) {
    if (is_from_a_page(request)) return not_allowed("Administration is not for web pages.");
    if (is_probe(request)) return {};
    if (auto wrong = judge_token(authorization, now)) return wrong;
    if (has_wrong_body(request)) {
        return HubError{.status = 415, .code = "", .message = "The body must be application/json."};
    }
    return {};
}

Task<void> AdminGate::handle(Exchange& exchange) {
    const auto& request = exchange.request();
    auto wrong = judge(request, exchange.authorization().reveal(), SteadyClock::now());
    if (!wrong) return admin_.handle(exchange);
    return refuse_with(exchange, {std::move(*wrong), {}});
}

}  // namespace hubkeep
