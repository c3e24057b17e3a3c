#pragma once
// What answers to clients have in common: errors in the Hub's form, the address under which this
// client sees us, and the fields that tell what the cache did.

#include <expected>
#include <string>

#include "config/settings.hpp"
#include "server/http/session.hpp"
#include "server/hub/errors.hpp"
#include "server/hub/freshness.hpp"

namespace hubkeep {

// A question that has no good answer: the error to send, the commit it is true for ("" if none),
// and the operator's rule that is behind it ("" if none).
struct Refusal {
    HubError error;
    std::string commit;
    std::string rule = {};
};

template <typename T>
using Outcome = std::expected<T, Refusal>;

inline std::unexpected<Refusal> refuse(HubError error, std::string commit = {}) {
    return std::unexpected(Refusal{std::move(error), std::move(commit)});
}

// "http://host:port" as this client reached us, or the configured public URL.
std::string public_origin(const Settings& settings, const Exchange& exchange);

void add_cache_fields(ResponseHead& head, Verdict verdict, std::string_view warning);

// Errors of API paths have a JSON body, those of files plain text (errors on HEAD are
// read from the headers alone).
Task<void> send_refusal(Exchange& exchange, const Refusal& refusal, bool json);
Task<void> send_text(Exchange& exchange, int status, std::string_view content_type,
                     std::string text);

}  // namespace hubkeep
