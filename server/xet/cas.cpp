#include "server/xet/cas.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <boost/json.hpp>

#include "common/base64url.hpp"
#include "common/check.hpp"
#include "server/hub/query.hpp"
#include "server/hub/xet_hints.hpp"
#include "server/proxy/client_use.hpp"
#include "server/proxy/xet_mode.hpp"
#include "server/xet/cas_words.hpp"
#include "server/xet/xorb_ranges.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::size_t batch_body_bytes = 64 * 1024;
// Of files with the same content, and of commits with such a file.
constexpr std::size_t max_twins = 16;
// Of one answer: 512 GiB, some 5 MB of text. Most clients ask for 16 GB at a time.
constexpr std::size_t max_terms = 8 * 1024;

// "Bearer X" of the field Authorization.
std::string_view bearer_of(const Secret& authorization) {
    const auto text = authorization.reveal();
    const auto space = text.find(' ');
    if (space == std::string_view::npos || !iequals(text.substr(0, space), "Bearer")) return {};
    return text.substr(text.find_first_not_of(' ', space));
}

std::string random_name() {
    std::array<unsigned char, 12> bytes;
    CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
    return to_base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

PartReader reader_of(const XetClaims& claims, std::uint8_t edition = 0) {
    return {claims.reader, claims.issued, edition};
}

ResponseHead head_of(std::string_view content_type) {
    ResponseHead head;
    head.headers.set("Content-Type", content_type);
    head.headers.set("Cache-Control", "no-store");
    return head;
}

Route file_route(RepoId repo, std::string commit, std::string path) {
    Route route;
    route.kind = Route::Kind::resolve;
    route.repo = std::move(repo);
    route.revision = std::move(commit);
    route.revision_given = true;
    route.path = std::move(path);
    return route;
}

Task<void> send_unsatisfiable(Exchange& exchange, std::uint64_t size) {
    auto head = head_of(json_type);
    head.status = 416;
    head.headers.set("Content-Range", fmt::format("bytes */{}", size));
    co_await exchange.respond(std::move(head), {});
}

Route token_route(const XetClaims& claims) {
    auto route = file_route(claims.repo, claims.commit, {});
    route.kind = Route::Kind::xet_token;
    return route;
}

}  // namespace

Task<void> Cas::token(Exchange& exchange, Route route, Visitor visitor, Caller caller) {
    const auto commit = co_await listings_.commit_of(exchange.thread(), route, caller);
    if (!commit) {
        co_await send_refusal(exchange, commit.error(), true);
        co_return;
    }
    // By now another name of the repo may have been learnt.
    auto& reader = index_.reader(exchange.thread().number());
    if (!serves_xet(settings_, aliases_.scope_of(route.repo, caller.access, reader))) {
        co_await send_refusal(exchange, {no_xet(), {}}, true);
        co_return;
    }
    const auto opened = co_await open_files(exchange.thread(), route.repo, commit->commit, caller);
    if (!opened) {
        co_await send_refusal(exchange, opened.error(), true);
        co_return;
    }
    const auto now = unix_now();
    auto claims = visitors_.claims_of(visitor, now);
    claims.repo = route.repo;
    claims.commit = commit->commit;
    claims.reader = random_name();
    claims.issued = now;
    claims.expires = now + XetTokens::lifetime_seconds;
    const auto token = tokens_.issue(claims);
    const auto cas = public_origin(settings_, exchange) + std::string(cas_path);
    // Clients of some ages read the fields, others the document.
    auto head = head_of(json_type);
    head.headers.set("X-Xet-Cas-Url", cas);
    head.headers.set("X-Xet-Access-Token", token);
    head.headers.set("X-Xet-Token-Expiration", std::to_string(claims.expires));
    head.headers.set("X-Repo-Commit", claims.commit);
    add_cache_fields(head, commit->verdict, commit->warning);
    exchange.record().cache = name_of(commit->verdict);
    boost::json::object document{{"accessToken", token}, {"exp", claims.expires}, {"casUrl", cas}};
    co_await exchange.respond(std::move(head), boost::json::serialize(document));
}

Task<Outcome<void>> Cas::open_files(IoThread& thread, RepoId repo, std::string commit,
                                    Caller caller) {
    auto& reader = index_.reader(thread.number());
    const auto known = reader.repo(aliases_.scope_of(repo, caller.access, reader));
    if (known.opened || known.gated == false) co_return Outcome<void>();
    ResolveRequest question{std::move(repo), std::move(commit), std::string(usual_file),
                            std::move(caller)};
    const auto resolved = co_await resolver_.resolve(thread, std::move(question));
    const bool is_absent = !resolved && resolved.error().error.code == entry_not_found().code;
    if (!resolved && !is_absent) co_return std::unexpected(resolved.error());
    co_return Outcome<void>();
}

Outcome<Cas::Asker> Cas::asker_of(Exchange& exchange, std::string_view token, HubError flawed) {
    const auto now = unix_now();
    auto claims = tokens_.read(token, now);
    if (!claims) return refuse(std::move(flawed));
    auto visitor = visitors_.visitor_of(exchange, *claims, now);
    if (!visitor) return refuse(std::move(flawed));
    exchange.record().user = visitor->name;
    exchange.record().team = visitor->team;
    return Asker{std::move(*claims), std::move(*visitor)};
}

Task<void> Cas::serve(Exchange& exchange, Route route) {
    const auto& request = exchange.request();
    auto cas_route = parse_cas_route(request.method, route.own_path, route.query);
    using Kind = CasRoute::Kind;
    if (cas_route.kind == Kind::telemetry) {
        co_await exchange.respond(ResponseHead{.status = 204}, {});
        co_return;
    }
    if (cas_route.kind == Kind::upload || cas_route.kind == Kind::unknown) {
        const bool writes = cas_route.kind == Kind::upload;
        co_await send_refusal(exchange, {writes ? read_only() : no_such_address(), {}}, true);
        co_return;
    }
    // Clients read xorbs without the token that they have for everything else.
    const bool is_xorb = cas_route.kind == Kind::xorb;
    const auto in_address = is_xorb ? query_value(route.query, "token") : std::nullopt;
    auto asker = asker_of(exchange, in_address ? *in_address : bearer_of(exchange.authorization()),
                          in_address ? bad_address() : bad_token());
    if (!asker) {
        co_await send_refusal(exchange, asker.error(), true);
        co_return;
    }
    const auto& use = asker->visitor.use;
    const auto place =
        is_xorb ? ClientUse::enter_part(use) : ClientUse::enter(use, SteadyClock::now());
    if (!place) {
        co_await send_refusal(exchange, {place.error(), {}}, true);
        co_return;
    }
    co_await answer(exchange, std::move(cas_route), std::move(*asker));
}

Task<void> Cas::answer(Exchange& exchange, CasRoute route, Asker asker) {
    const auto hash = route.hashes.empty() ? std::string() : route.hashes.front();
    const auto& only = asker.claims.file;
    const bool is_xorb = route.kind == CasRoute::Kind::xorb;
    if (!only.empty() && (!is_xorb || parse_xorb_id(hash)->file != only)) {
        co_await send_refusal(exchange, {is_xorb ? bad_address() : bad_token(), {}}, true);
        co_return;
    }
    switch (route.kind) {
        case CasRoute::Kind::reconstruction:
            co_await reconstruct(exchange, hash, std::move(asker), XetForm::v1);
            break;
        case CasRoute::Kind::reconstruction_v2:
            co_await reconstruct(exchange, hash, std::move(asker), XetForm::v2);
            break;
        case CasRoute::Kind::batch:
            co_await reconstruct_batch(exchange, std::move(route.hashes), std::move(asker));
            break;
        case CasRoute::Kind::file: co_await describe_file(exchange, hash, std::move(asker)); break;
        default: co_await send_xorb(exchange, hash, std::move(asker));
    }
}

// In the commit of the token, else in others that are known: the Hub's own tokens are for all of a
// repo, and clients keep tokens and listings for long, while branches move.
std::vector<Cas::Place> Cas::places_of(IoThread& thread, const XetClaims& claims,
                                       const Caller& caller, const std::string& hash) {
    auto& reader = index_.reader(thread.number());
    const auto scope = aliases_.scope_of(claims.repo, caller.access, reader);
    std::vector<Place> places;
    const auto add = [&](const std::string& commit) {
        const auto limit = max_twins - places.size();
        for (auto& entry : reader.entries_by_xet(scope, commit, hash, limit)) {
            places.push_back({commit, std::move(entry.path)});
        }
    };
    add(claims.commit);
    if (!places.empty()) return places;
    for (const auto& commit : reader.commits_by_xet(scope, hash, max_twins)) add(commit);
    return places;
}

Task<Outcome<Files::Found>> Cas::find(IoThread& thread, const Asker& asker, std::string hash) {
    auto found = co_await look_up(thread, asker, std::move(hash));
    const bool forgot = !asker.claims.hub_token.empty() && asker.visitor.hub_token.empty();
    if (!found && forgot) co_return refuse(forgotten());
    if (found && !serves_xet(settings_, found->resolution.repo)) co_return refuse(no_xet());
    if (found && !files_.can_keep(found->resolution.file.size)) {
        co_return refuse(too_large(found->route.path));
    }
    co_return found;
}

// A client may have the hash from a listing that it got long ago, or elsewhere.
Task<Outcome<Files::Found>> Cas::look_up(IoThread& thread, const Asker& asker, std::string hash) {
    const auto& claims = asker.claims;
    const auto to_repo = co_await access_.admit(thread, asker.visitor, token_route(claims));
    if (!to_repo) co_return std::unexpected(to_repo.error());
    auto places = places_of(thread, claims, *to_repo, hash);
    const bool is_at_commit = !places.empty() && places.front().commit == claims.commit;
    auto found = co_await open_one(thread, asker, std::move(places));
    if (found || is_at_commit) co_return found;
    const auto learnt = co_await listings_.learn_tree(thread, claims.repo, claims.commit, *to_repo);
    if (!learnt) co_return std::unexpected(learnt.error());
    places = places_of(thread, claims, *to_repo, hash);
    found = co_await open_one(thread, asker, std::move(places));
    co_return found;
}

// Of files with the same content, one that the asker may read.
Task<Outcome<Files::Found>> Cas::open_one(IoThread& thread, const Asker& asker,
                                          std::vector<Place> places) {
    Refusal refusal{no_such_file(), {}};
    for (auto& place : places) {
        auto route = file_route(asker.claims.repo, std::move(place.commit), std::move(place.path));
        auto caller = co_await access_.admit(thread, asker.visitor, route);
        if (!caller) {
            refusal = std::move(caller.error());
            continue;
        }
        ResolveRequest question{route.repo, route.revision, route.path, *caller};
        auto resolved = co_await resolver_.resolve(thread, std::move(question));
        if (!resolved) co_return std::unexpected(resolved.error());
        co_return Files::Found{std::move(route), std::move(*caller), std::move(*resolved)};
    }
    co_return std::unexpected(std::move(refusal));
}

XorbAddress Cas::address_of(const Exchange& exchange, const XetClaims& claims,
                            const Files::Found& found, const std::string& hash) const {
    auto for_file = claims;
    for_file.commit = found.route.revision;
    for_file.file = parse_xorb_id(hash)->file;
    for_file.expires = unix_now() + XetTokens::lifetime_seconds;
    return {fmt::format("{}{}/v1/xorbs/default/", public_origin(settings_, exchange), cas_path),
            "?token=" + tokens_.issue(for_file)};
}

Task<void> Cas::reconstruct(Exchange& exchange, std::string hash, Asker asker, XetForm form) {
    auto found = co_await find(exchange.thread(), asker, hash);
    if (!found) {
        co_await send_refusal(exchange, found.error(), true);
        co_return;
    }
    const auto size = found->resolution.file.size;
    ByteRange wanted{0, size};
    const auto& fields = exchange.request().headers;
    auto head = head_of(json_type);
    if (fields.has("Range")) {
        // Behind the end there is nothing: so clients find it who do not know the size.
        const auto asked = parse_range(fields.get("Range"));
        const auto range = asked ? asked->in(size) : std::nullopt;
        if (!range) {
            co_await send_unsatisfiable(exchange, size);
            co_return;
        }
        wanted = *range;
    }
    if (wanted.size() / xet_term_bytes(size) >= max_terms) {
        const auto sentence = "Ask for the reconstruction of so large a file in ranges.";
        co_await send_refusal(exchange, {bad_request(sentence), {}}, true);
        co_return;
    }
    const auto edition =
        co_await files_.plan_parts(exchange.thread(), *found, reader_of(asker.claims), wanted);
    if (!edition) {
        co_await send_refusal(exchange, edition.error(), true);
        co_return;
    }
    auto address = address_of(exchange, asker.claims, *found, hash);
    auto document = reconstruction(plan_of(size, wanted, *edition), hash, address, form);
    add_cache_fields(head, found->resolution.verdict, found->resolution.warning);
    co_await exchange.respond(std::move(head), std::move(document));
}

Task<void> Cas::reconstruct_batch(Exchange& exchange, std::vector<std::string> hashes,
                                  Asker asker) {
    if (hashes.empty()) {
        const auto body = co_await exchange.read_body(batch_body_bytes);
        auto read = body ? hashes_of_batch(*body) : std::unexpected(body.error());
        if (!read) {
            co_await send_refusal(exchange, {bad_request(read.error().message), {}}, true);
            co_return;
        }
        hashes = std::move(*read);
    }
    std::vector<XetFile> files;
    std::size_t terms = 0;
    for (auto& hash : hashes) {
        const auto found = co_await find(exchange.thread(), asker, hash);
        if (!found) {
            co_await send_refusal(exchange, found.error(), true);
            co_return;
        }
        const auto size = found->resolution.file.size;
        terms += size / xet_term_bytes(size) + 1;
        if (terms > max_terms) {
            const auto sentence = "Ask for the reconstruction of so large files one by one.";
            co_await send_refusal(exchange, {bad_request(sentence), {}}, true);
            co_return;
        }
        const auto edition = co_await files_.plan_parts(exchange.thread(), *found,
                                                        reader_of(asker.claims), {0, size});
        if (!edition) {
            co_await send_refusal(exchange, edition.error(), true);
            co_return;
        }
        auto address = address_of(exchange, asker.claims, *found, hash);
        files.push_back({std::move(hash), plan_of(size, {0, size}, *edition), std::move(address)});
    }
    co_await exchange.respond(head_of(json_type), batch_reconstruction(files));
}

Task<void> Cas::describe_file(Exchange& exchange, std::string hash, Asker asker) {
    const auto found = co_await find(exchange.thread(), asker, std::move(hash));
    if (!found) {
        co_await send_refusal(exchange, found.error(), true);
        co_return;
    }
    auto head = head_of(xorb_type);
    head.headers.set("Content-Length", std::to_string(found->resolution.file.size));
    co_await exchange.send_head(std::move(head));
}

Task<void> Cas::send_xorb(Exchange& exchange, std::string id, Asker asker) {
    const auto name = *parse_xorb_id(id);
    auto found = co_await find(exchange.thread(), asker, name.file);
    if (!found) {
        co_await send_refusal(exchange, Files::as_gone(std::move(found.error())), true);
        co_return;
    }
    const auto xorb = xorb_of(found->resolution.file.size, name.number);
    if (!xorb) {
        co_await send_refusal(exchange, {no_such_file(), {}}, true);
        co_return;
    }
    const auto& request = exchange.request();
    const auto size = xorb->physical_size();
    auto head = head_of(xorb_type);
    head.headers.set("Accept-Ranges", "bytes");
    head.headers.set("ETag", '"' + id + '"');
    if (request.method == "HEAD") {
        head.headers.set("Content-Length", std::to_string(size));
        co_await exchange.send_head(std::move(head));
        co_return;
    }
    // Clients take what comes for what they asked for: never is it something else.
    const bool in_ranges = request.headers.has("Range");
    const auto ranges = parse_ranges(request.headers.get("Range"), size);
    if (in_ranges && ranges.empty()) {
        co_await send_unsatisfiable(exchange, size);
        co_return;
    }
    auto body = in_ranges ? body_of(*xorb, ranges, head) : FileBody(*xorb, {{{0, size}, {}}}, {});
    co_await files_.serve_parts(exchange, std::move(*found), reader_of(asker.claims, name.edition),
                                std::move(head), std::move(body));
}

}  // namespace hubkeep
