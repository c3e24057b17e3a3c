#pragma once
// What a mirror's answer is worth. Mirrors (upstream.mirrors: copies of the Hub, or other hubkeeps)
// are asked in order before the Hub, never with a credential, and only for what all clients may
// share. The rule:
//  - A good answer counts when it has the form of the Hub's: a file's with the commit that was
//    asked for, an API's with JSON. Its bytes are checked against the digest like any others.
//  - A mirror's "no" is never believed, whatever its status: it may lack the file, be out of its
//    own quota, or be broken. The next endpoint is asked, and the Hub has the last word.
//  - Two answers of another hubkeep count when the Hub cannot be asked: a good one that it could
//    not confirm itself (its warning is passed on), and that a file does not exist at a commit
//    (EntryNotFound with X-Repo-Commit), which it says only when the Hub did.
// Pure functions, any thread.

#include <string>
#include <string_view>

#include "server/http/message.hpp"
#include "server/proxy/hub_request.hpp"

namespace hubkeep {

bool is_good_answer(const HubAnswer& answer, const HubRequest& request);
bool is_second_best(const HubAnswer& answer, const HubRequest& request);
// Sent by a hubkeep, whose 530 and 508 say that it works and the Hub does not.
bool is_from_hubkeep(const ResponseHead& head);
// Why another hubkeep says that its answer may be stale, "" when it does not.
std::string stale_warning_of(const ResponseHead& head);

// Which hubkeeps a request has passed, as entries of Via (RFC 9110 section 7.6.3): "1.1 hubkeep-x".
// Those of other proxies are left out.
std::string hubkeeps_in(std::string_view via);
// True when our own name is there already, or more names than any sensible chain has.
bool goes_in_a_circle(std::string_view via, std::string_view own_name);

}  // namespace hubkeep
