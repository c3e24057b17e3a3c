#include "server/hub/errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "common/byte_range.hpp"
#include "common/redact.hpp"
#include "server/hub/rate_limit.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_message = 500;
constexpr std::int64_t longest_wait = 3600;
constexpr int loop_status = 508;
constexpr std::string_view own_limit = "proxy";
// The Hub's words; huggingface_hub compares the second and the third letter by letter.
constexpr std::string_view no_login = "Invalid username or password.";
constexpr std::string_view wrong_token = "Invalid credentials in Authorization header";
constexpr std::string_view hubkeep_realm = "realm=\"hubkeep\"";
constexpr std::string_view is_disabled = "Access to this resource is disabled.";

std::int64_t seconds_to_wait(const HeaderLookup& get) {
    const auto seconds = parse_u64(get("retry-after"));
    if (!seconds) return -1;
    return static_cast<std::int64_t>(std::min<std::uint64_t>(*seconds, longest_wait));
}

// RateLimit tells the true time; Retry-After is what simpler servers send.
HubError limited(const HeaderLookup& get) {
    const auto limit = parse_rate_limit(get("ratelimit"));
    if (!limit) return too_many(seconds_to_wait(get));
    auto error = limit->bucket == own_limit ? overloaded(limit->reset_seconds)
                                            : too_many(limit->reset_seconds);
    error.limit = limit->bucket;
    if (limit->left > 0) {
        error.message = fmt::format(
            "Nearly all requests that the Hub grants this proxy are used: {} are left for another "
            "{} seconds.",
            limit->left, limit->reset_seconds);
    }
    const auto policy = parse_rate_limit_policy(get("ratelimit-policy"));
    if (policy && policy->bucket == limit->bucket) error.limit_policy = to_text(*policy);
    return error;
}

HubError unauthorised(std::string_view message, bool had_client_token) {
    if (message != wrong_token) return repo_not_found();
    if (had_client_token) return bad_client_token();
    return upstream_failed("it refuses requests without a token");
}

HubError with_status(int status, std::string_view message) {
    if (message.empty()) return {status, "", fmt::format("The Hub answered {}.", status)};
    return {status, "", clean_message(message)};
}

}  // namespace

HubError entry_not_found() {
    return {404, "EntryNotFound", "Entry not found"};
}

HubError revision_not_found(std::string_view revision) {
    return {404, "RevisionNotFound", clean_message(fmt::format("Invalid rev id: {}", revision))};
}

HubError repo_not_found() {
    return {404, "RepoNotFound", "Repository not found"};
}

HubError gated(int status, std::string_view message) {
    if (message.empty()) message = "Access to this repository is restricted.";
    return {status == 401 ? 401 : 403, "GatedRepo", clean_message(message)};
}

HubError disabled() {
    return {403, "", std::string(is_disabled)};
}
HubError not_authenticated() {
    return {401, "", std::string(no_login)};
}
HubError bad_client_token() {
    return {401, "", std::string(wrong_token)};
}

HubError read_only() {
    return {403, "",
            "hubkeep only serves downloads: uploads and other changes must be sent to the Hub "
            "itself (unset HF_ENDPOINT for them)."};
}

HubError bad_request(std::string_view message) {
    return {400, "", clean_message(message)};
}
HubError not_allowed(std::string_view message) {
    return {403, "", clean_message(message)};
}

HubError too_many(std::int64_t retry_after_seconds) {
    auto message = std::string("The Hub limits the requests of this proxy");
    if (retry_after_seconds >= 0) {
        message += fmt::format("; try again in {} seconds", retry_after_seconds);
    }
    return {429, "", message + ".", retry_after_seconds};
}

HubError asked_in_a_circle() {
    return {loop_status, "",
            "These hubkeeps ask each other in a circle: the upstream.endpoint or upstream.mirrors "
            "of one of them leads back."};
}

HubError overloaded(std::int64_t retry_after_seconds) {
    return {429, "",
            fmt::format("This proxy has more to do than it can bear; try again in {} seconds.",
                        retry_after_seconds),
            retry_after_seconds};
}

HubError not_cached_offline(std::string_view what, std::string_view why) {
    return {hub_gone_status, "",
            clean_message(fmt::format("{} is not in this cache, and {}.", what, why))};
}

HubError service_token_refused(std::string_view name) {
    return {hub_gone_status, "",
            clean_message(fmt::format(
                "The Hub refused the token that this proxy is set up with ({}); its operator must "
                "replace it. Your own token is not the cause.",
                name))};
}

HubError upstream_failed(std::string_view why) {
    return {hub_gone_status, "", clean_message(fmt::format("The Hub did not answer: {}.", why))};
}

std::optional<std::string> refusal_of_token(int status, const HeaderLookup& get) {
    const auto message = get("x-error-message");
    const bool is_hubkeep = get("www-authenticate").contains(hubkeep_realm);
    if (status != 401 || (message != wrong_token && !is_hubkeep)) return std::nullopt;
    return clean_message(message);
}

HubError from_hub(int status, const HeaderLookup& get, bool had_client_token) {
    const auto code = get("x-error-code");
    const auto message = get("x-error-message");
    if (status == 429) return limited(get);
    // Another hubkeep between here and the Hub says best what is wrong, as does Upstream.
    if ((status == hub_gone_status || status == loop_status) && !message.empty()) {
        return with_status(hub_gone_status, message);
    }
    if (status < 400 || status >= 500 || status == 405 || status == 407 || status == 408) {
        return upstream_failed(fmt::format("it sent the status {}", status));
    }
    if (code == "GatedRepo" && (status == 401 || status == 403)) return gated(status, message);
    if (code == "EntryNotFound") return entry_not_found();
    if (code == "RevisionNotFound") {
        return {404, "RevisionNotFound",
                clean_message(message.empty() ? "Invalid rev id" : message)};
    }
    if (code == "RepoNotFound") return repo_not_found();
    if (message == is_disabled) return disabled();
    // A captive portal or a firewall's page: it knows nothing about the repo.
    if (code.empty() && message.empty() && get("content-type").starts_with("text/html")) {
        return upstream_failed(fmt::format("something answered {} with a web page", status));
    }
    if (status == 401) return unauthorised(message, had_client_token);
    return with_status(status, message);
}

HubError from_error(const Error& error) {
    const auto message = clean_message(error.message);
    switch (error.kind) {
        case ErrorKind::invalid: return {error.code == 413 ? 413 : 400, "", message};
        case ErrorKind::denied: return {403, "", message};
        case ErrorKind::limited: return {429, "", message};
        // Not found on our side is no word of the Hub, so it is never a 404.
        case ErrorKind::not_found:
        case ErrorKind::unreachable:
        case ErrorKind::timed_out:
        case ErrorKind::closed:
        case ErrorKind::protocol:
        case ErrorKind::corrupt:
        case ErrorKind::cancelled: return {hub_gone_status, "", message};
        case ErrorKind::no_space:
        case ErrorKind::io: return {500, "", message};
    }
    return {500, "", message};
}

bool stale_allowed(const HubError& error) {
    return error.status >= 500 || error.status == 429;
}

bool takes_away(const HubError& error) {
    return error.code == "RevisionNotFound" || error.code == "RepoNotFound" ||
           error.code == "GatedRepo" || error.message == is_disabled;
}

HeaderFields error_headers(const HubError& error, bool json) {
    HeaderFields fields{
        {"X-Error-Message", error.message},
        {"Content-Type", json ? "application/json; charset=utf-8" : "text/plain; charset=utf-8"},
        {"Cache-Control", "no-store"},
    };
    if (!error.code.empty()) fields.emplace_back("X-Error-Code", error.code);
    if (error.status == 401) {
        fields.emplace_back("WWW-Authenticate",
                            error.realm.empty()
                                ? "Bearer realm=\"Authentication required\", charset=\"UTF-8\""
                                : fmt::format("Bearer realm=\"{}\"", error.realm));
    }
    if (error.retry_after_seconds < 0) return fields;
    fields.emplace_back("Retry-After", std::to_string(error.retry_after_seconds));
    if (error.status == 429) {
        const RateLimit limit{error.limit, 0, error.retry_after_seconds};
        fields.emplace_back("RateLimit", to_text(limit));
        if (!error.limit_policy.empty()) {
            fields.emplace_back("RateLimit-Policy", error.limit_policy);
        }
    }
    return fields;
}

std::string error_body(const HubError& error, bool json) {
    if (!json) return error.message;
    return boost::json::serialize(boost::json::value{{"error", error.message}});
}

std::string clean_message(std::string_view text) {
    const auto redacted_text = redacted(text);
    if (redacted_text) text = *redacted_text;
    std::string out;
    for (const char c : text) {
        if (out.size() == max_message) break;
        const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (space && (out.empty() || out.back() == ' ')) continue;
        out += space ? ' ' : c > 0x20 && c < 0x7f ? c : '?';
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

}  // namespace hubkeep
