#pragma once
// What is asked of the Hub and what comes back: plain values between Upstream and those who use it.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/secret.hpp"
#include "server/http/client.hpp"
#include "server/proxy/budget.hpp"

namespace hubkeep {

// On whose behalf the Hub is asked.
struct Credential {
    // What to authenticate with: the service token, the asking client's own, or nothing.
    enum class Kind { none, service, client };
    Kind kind = Kind::none;
    Secret token;
    // False when what it opens is for its owner alone: then no mirror may answer for the Hub.
    bool shared = true;
    std::string via;  // the hubkeeps that the client's request has passed, as in a Via
};

struct HubRequest {
    std::string method = "GET";
    std::string target;
    // Beyond those that Upstream sets itself: User-Agent, Accept-Encoding, Authorization, Via.
    Headers headers;
    std::string body;
    Priority priority = Priority::foreground;
    // How long to wait for the quota before it is asked; a HEAD gets 7 s, others 25 s, since
    // clients give a HEAD 10 s and people an API call no more.
    std::optional<SteadyClock::duration> patience;
    // False for what only the Hub itself may decide.
    bool mirrors_may_answer = true;
    // Another server than the Hub, from the operator's settings or fixed in the code, never from a
    // request. It gets no credential.
    std::optional<Origin> site;
};

// How far to follow redirects.
enum class Follow {
    no,
    same_origin,  // within the Hub: renames, resolve-cache
    anywhere,     // also to the CDN, without any credential
};

struct HubAnswer {
    ClientResponse response;
    // The head of the first hop and every redirect after it: metadata is spread over them.
    std::vector<ResponseHead> redirects;
    // The target of the last hop at the Hub; differs from what was asked after a rename.
    std::string hub_target;
    bool left_hub = false;  // the response is another origin's
    // The first address of another origin to which it led, followed or not. It may be signed, so it
    // is as good as the file: not for logs.
    std::optional<Url> led_to;
    Origin origin;          // that was asked: the Hub, a mirror or a site
    // Why another hubkeep on the way says that this may be stale, "" when it is not.
    std::string warning;
};

}  // namespace hubkeep
