#pragma once
// Redaction: text without what opens a door, for every place that people or clients read: the log,
// error messages, the reports of /status and /-/readyz. Each secret becomes "***". Found are
//  - tokens of the Hub (hf_ and api_org_ with 20 letters and digits or more) and JWTs,
//  - credentials of the schemes Bearer and Basic,
//  - the values of query keys that name a secret or belong to a signed URL,
//  - the user and password in front of a host.
// Types are the first defence (Secret); this is the second, for text that others made. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace hubkeep {

// Nothing when there is nothing to hide, which is the rule: then no memory is taken.
std::optional<std::string> redacted(std::string_view text);
std::string redact(std::string_view text);

// A field whose value is a secret as a whole: Authorization, Cookie, X-Xet-Access-Token ...
bool is_secret_field(std::string_view name);

}  // namespace hubkeep
