#include "server/xet/cas_route.hpp"

#include "server/hub/json_text.hpp"
#include "server/hub/query.hpp"
#include "server/hub/xet_hints.hpp"

namespace hubkeep {
namespace {

using Kind = CasRoute::Kind;

// Up to the next slash, which is left out.
std::string_view take_segment(std::string_view& path) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    return segment;
}

CasRoute with_hash(Kind kind, std::string_view hash) {
    if (!is_xet_hash(hash)) return {};
    return {kind, {std::string(hash)}};
}

CasRoute batch_of(std::string_view query) {
    CasRoute route{Kind::batch, {}};
    for (auto& [name, value] : parse_query(query)) {
        if (name != "file_id") continue;
        if (!is_xet_hash(value) || route.hashes.size() == max_batch_files) return {};
        route.hashes.push_back(std::move(value));
    }
    return route.hashes.empty() ? CasRoute() : route;
}

}  // namespace

CasRoute parse_cas_route(std::string_view method, std::string_view path, std::string_view query) {
    auto rest = path;
    auto word = take_segment(rest);
    const bool is_v2 = word == "v2";
    if (is_v2 || word == "v1") word = take_segment(rest);
    const bool is_head = method == "HEAD";
    const bool reads = method == "GET" || is_head;
    if (word == "telemetry" && rest.empty()) return {Kind::telemetry, {}};
    if (word == "reconstruction" || word == "reconstructions") {
        if (rest.empty() && method == "POST") return {Kind::batch, {}};
        if (method != "GET") return {is_head ? Kind::unknown : Kind::upload, {}};
        if (rest.empty()) return batch_of(query);
        return with_hash(is_v2 ? Kind::reconstruction_v2 : Kind::reconstruction, rest);
    }
    if (!reads) return {Kind::upload, {}};
    if (word == "files" && is_head) return with_hash(Kind::file, rest);
    if (word == "xorb" || word == "xorbs") {
        take_segment(rest);
        return with_hash(Kind::xorb, rest);
    }
    return {};
}

Result<std::vector<std::string>> hashes_of_batch(std::string_view body) {
    const auto wrong = [] {
        return fail(ErrorKind::invalid, "a batch is a JSON array of at most " +
                                            std::to_string(max_batch_files) +
                                            " objects with a \"hash\" of 64 hex digits each");
    };
    if (!check_json(body)) return wrong();
    std::vector<std::string> hashes;
    JsonElements elements(body);
    while (const auto element = elements.next()) {
        const auto text = member_text(*element, "hash");
        const auto hash = text ? as_string(*text) : std::nullopt;
        if (!hash || !is_xet_hash(*hash) || hashes.size() == max_batch_files) return wrong();
        hashes.push_back(*hash);
    }
    if (hashes.empty()) return wrong();
    return hashes;
}

}  // namespace hubkeep
