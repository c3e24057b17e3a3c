#pragma once
// HubError: an answer that is not what was asked for, in the Hub's own terms. Clients decide by
// X-Error-Code and show X-Error-Message, so both are part of the contract: a wrong code plants a
// lasting "this file does not exist" in a client's cache. Values and pure functions, any thread.
// The messages are printable ASCII on one line, because they travel in a header.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "server/hub/metadata.hpp"

namespace hubkeep {

// "Not here, and the Hub cannot be asked". A number above 500 that is none of 500, 502, 503 and 504
// is the only kind after which every huggingface_hub gives up at once (the others cost it 23 s) and
// still falls back on what it has cached; 404 would say that the file does not exist. 501 would do
// too, but means "never" and may be cached by default (RFC 9110 section 15.1).
inline constexpr int hub_gone_status = 530;

struct HubError {
    int status = 500;
    std::string code;     // X-Error-Code, "" when the Hub has none for it
    std::string message;  // X-Error-Message
    // When it may be asked again, where known; and of a 429 whose limit it is: a bucket of the Hub,
    // or "proxy" for our own.
    std::int64_t retry_after_seconds = -1;
    std::string limit = "proxy";
    std::string limit_policy;  // RateLimit-Policy, "" when not known
    std::string realm;         // of a 401 in WWW-Authenticate, "": the Hub's
};

HubError entry_not_found();
HubError revision_not_found(std::string_view revision);
HubError repo_not_found();
// 401 when a login could help, 403 when the account has no access; an empty message gets ours.
HubError gated(int status, std::string_view message);
HubError disabled();
HubError not_authenticated();  // 401 in the Hub's words
HubError bad_client_token();   // the client's own token is wrong
HubError read_only();          // hubkeep changes nothing at the Hub
HubError bad_request(std::string_view message);
HubError not_allowed(std::string_view message);       // 403 by our own rules
HubError too_many(std::int64_t retry_after_seconds);  // for the Hub
HubError asked_in_a_circle();                         // 508, RFC 5842: hubkeeps that ask each other
HubError overloaded(std::int64_t retry_after_seconds);  // for ourselves
// `what` names the thing ("config.json of org/name"), `why` is a clause ("the Hub is unreachable").
HubError not_cached_offline(std::string_view what, std::string_view why);
// The service token of that name is wrong: our operator's fault, which a client must not take for
// its own.
HubError service_token_refused(std::string_view name);
HubError upstream_failed(std::string_view why);

// An answer of the Hub with a status of 400 or more (or one that makes no sense) as what we send.
// Says "not found" only where the Hub said it with its own code. Not for a refused service token.
HubError from_hub(int status, const HeaderLookup& get, bool had_client_token);
// The words with which the Hub, or a hubkeep in its place, refuses the token that was sent; nothing
// when it does not, or when it means the repo.
std::optional<std::string> refusal_of_token(int status, const HeaderLookup& get);
// Our own failure as an answer.
HubError from_error(const Error& error);

// True when the Hub's state, not the thing asked for, is the trouble: then what is known already
// may be served stale. A repo that was deleted or closed must not live on that way.
bool stale_allowed(const HubError& error);

// True when the Hub says that there is nothing to be had here (any more) under this credential.
bool takes_away(const HubError& error);

// Headers and body of the answer. `json` on API paths, plain text elsewhere.
HeaderFields error_headers(const HubError& error, bool json);
std::string error_body(const HubError& error, bool json);

// Printable ASCII on one line, at most 500 characters.
std::string clean_message(std::string_view text);

}  // namespace hubkeep
