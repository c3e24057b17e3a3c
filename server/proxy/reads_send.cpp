#include <fmt/format.h>

#include <array>

#include "common/byte_range.hpp"
#include "server/hub/fields.hpp"
#include "server/hub/listing.hpp"
#include "server/hub/public_urls.hpp"
#include "server/proxy/reads.hpp"
#include "server/proxy/xet_mode.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view public_hub = "https://huggingface.co";

// RFC 9110 section 15.4.5: what a 304 has to say of the answer it stands for.
constexpr std::array<std::string_view, 6> of_not_modified = {
    "etag", "last-modified", "content-location", "date", "vary", "expires"};

bool is_of_not_modified(const std::string& name) {
    return std::ranges::find(of_not_modified, lower_case(name)) != of_not_modified.end();
}

ResponseHead head_of(const KeptAnswer& kept, Verdict verdict) {
    ResponseHead head;
    head.status = kept.status;
    for (const auto& [name, value] : kept.fields) head.headers.add(name, value);
    // Whoever keeps a copy behind us asks each time, since it costs the Hub nothing, but may use
    // his copy when we are gone.
    if (!head.headers.has("Cache-Control")) {
        head.headers.set("Cache-Control", kept.status < 400 ? "max-age=0" : "no-store");
    }
    const bool from_here = verdict == Verdict::hit || verdict == Verdict::stale;
    if (from_here || head.headers.has("Age")) {
        const auto age = current_age(kept.fields, kept.received_at, unix_now());
        head.headers.set("Age", std::to_string(age));
    }
    return head;
}

// The part of a body that a client wants: 206, 416, or the whole when it names no usable range.
void cut_to_range(ResponseHead& head, std::string& body, const Headers& asked) {
    const auto range = parse_range(asked.get("Range"));
    const auto etag = head.headers.get("ETag");
    const bool holds = !asked.has("If-Range") ||
                       (!etag.starts_with("W/") && if_range_holds(asked.get("If-Range"), etag));
    if (!range || !holds) return;
    const auto part = range->in(body.size());
    if (!part) {
        head.status = 416;
        head.headers.set("Content-Range", fmt::format("bytes */{}", body.size()));
        body.clear();
        return;
    }
    head.status = 206;
    head.headers.set("Content-Range", format_content_range(*part, body.size()));
    body = body.substr(part->begin, part->size());
}

}  // namespace

Task<void> Reads::send(Exchange& exchange, const Route& route, const KeptAnswer& kept,
                       Verdict verdict, std::string_view warning) {
    exchange.record().cache = name_of(verdict);
    const auto& asked = exchange.request().headers;
    auto head = head_of(kept, verdict);
    const auto own = public_origin(settings_, exchange);
    if (!kept.next.empty()) {
        head.headers.set("Link", fmt::format("<{}{}>; rel=\"next\"", own, kept.next));
    }
    add_cache_fields(head, verdict, warning);
    if (kept.status == 200 &&
        is_not_modified(asked.get("If-None-Match"), asked.get("If-Modified-Since"), kept.fields,
                        unix_now())) {
        for (const auto& [name, value] : kept.fields) {
            if (!is_of_not_modified(name) && lower_case(name) != "cache-control") {
                head.headers.remove(name);
            }
        }
        head.status = 304;
        co_await exchange.respond(std::move(head), {});
        co_return;
    }
    auto body = kept.body;
    const bool json = joined_field(kept.fields, "content-type").find("json") != std::string::npos;
    if (json && kept.status < 400 && !shows_xet(settings_, route))
        body = strip_xet(std::move(body));
    if (json && kept.status == 200) {
        body = with_public_urls(std::move(body), followed_urls(route),
                                {std::string(public_hub), upstream_.hub().url()}, own);
    }
    // No longer, byte for byte, what a strong tag names.
    const auto etag = head.headers.get("ETag");
    if (etag.starts_with('"') && body != kept.body) {
        head.headers.set("ETag", fmt::format("W/{}", etag));
    }
    if (kept.status == 200 && exchange.request().method == "GET") {
        cut_to_range(head, body, asked);
    }
    co_await exchange.respond(std::move(head), std::move(body));
}

}  // namespace hubkeep
