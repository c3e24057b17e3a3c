#pragma once
// What the Hub's webhook tells: that a repo has changed, and which of its refs have moved
// (huggingface.co/docs/hub/webhooks, version 3). None of it is believed; it only says what is worth
// asking for. Pure functions on values.

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "server/hub/names.hpp"

namespace hubkeep {

struct WebhookEvent {
    struct Ref {
        std::string revision;  // "main", "v1", "refs/pr/1"
        std::string commit;    // "" when it was deleted
    };
    RepoId repo;
    std::vector<Ref> refs;  // at most 16, the first ones
    // The repo itself was created, moved, deleted or set up in another way, or more refs have moved
    // than are listed.
    bool whole_repo = false;
};

// Errors: invalid, with a sentence for the sender.
Result<WebhookEvent> parse_webhook(std::string_view body);

}  // namespace hubkeep
