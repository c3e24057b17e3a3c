#include "server/hub/route.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace hubkeep {
namespace {

using Kind = Route::Kind;
using Segments = std::span<const std::string>;

constexpr std::size_t max_target = 16 * 1024;
constexpr const char* no_such_token = "hubkeep hands out no Xet tokens at this address.";
constexpr const char* no_such_address = "The Hub has no such address: its words are in lower case.";

Route bad(int status, std::string error) {
    Route route;
    route.status = status;
    route.error = std::move(error);
    return route;
}

Route of_kind(Kind kind) {
    Route route;
    route.kind = kind;
    return route;
}

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

std::string join(Segments segments) {
    return fmt::format("{}", fmt::join(segments, "/"));
}

// A revision is one token, but some clients leave the slashes of these two shapes unencoded. Other
// names with raw slashes cannot be told from the path behind them.
std::string take_revision(Segments& rest) {
    std::size_t tokens = std::min<std::size_t>(1, rest.size());
    if (rest.size() >= 3 && rest[0] == "refs") {
        const bool number =
            std::ranges::all_of(rest[2], [](char c) { return c >= '0' && c <= '9'; });
        if ((rest[1] == "pr" && number) || rest[1] == "convert") tokens = 3;
    }
    std::string revision = join(rest.first(tokens));
    rest = rest.subspan(tokens);
    return revision;
}

// Checks the names of a route; `revision` and `path` are checked where the kind has them.
Route checked(Route route) {
    if (!is_valid_repo_name(route.repo.name)) return bad(404, "This is not the name of a repo.");
    if (!is_valid_revision(route.revision)) {
        return bad(400, "This is not the name of a branch, a tag or a commit.");
    }
    if (!route.path.empty() && !is_valid_path(route.path)) {
        return bad(400, "This is not a path in a repo.");
    }
    if (auto commit = normalise_commit(route.revision)) route.revision = std::move(*commit);
    return route;
}

Route repo_route(Kind kind, RepoKind repo_kind, Segments name) {
    Route route = of_kind(kind);
    route.repo = {repo_kind, join(name)};
    route.revision = "main";
    return route;
}

// --- /{repo}/... ---

constexpr std::array<std::string_view, 3> file_words{"resolve", "raw", "blob"};

Route file_route(std::string_view word, RepoKind repo_kind, Segments name, Segments rest) {
    const Kind kind = word == "resolve" ? Kind::resolve
                      : word == "raw"   ? Kind::raw
                                        : Kind::blob_page;
    Route route = repo_route(kind, repo_kind, name);
    route.revision = take_revision(rest);
    route.revision_given = true;
    route.path = join(rest);
    if (route.path.empty()) return bad(404, "This address names no file.");
    return checked(std::move(route));
}

bool is_git(Segments rest) {
    if (rest[0] == "git-upload-pack" || rest[0] == "git-receive-pack") return rest.size() == 1;
    if (rest[0] == "info" && rest.size() >= 2) return rest[1] == "refs" || rest[1] == "lfs";
    return rest[0] == "HEAD" && rest.size() == 1;
}

Route git_route(RepoKind repo_kind, Segments name) {
    Route route = repo_route(Kind::git, repo_kind, name);
    if (route.repo.name.ends_with(".git")) route.repo.name.resize(route.repo.name.size() - 4);
    return checked(std::move(route));
}

Route repo_page(Segments segments) {
    RepoKind repo_kind = RepoKind::model;
    const auto prefix = kind_of_api_segment(segments[0]);
    if (prefix && *prefix != RepoKind::model && segments.size() > 1) {
        repo_kind = *prefix;
        segments = segments.subspan(1);
    }
    for (std::size_t count = 1; count <= 2 && count < segments.size(); ++count) {
        const auto name = segments.first(count);
        const auto rest = segments.subspan(count);
        if (is_one_of(rest[0], file_words) && rest.size() >= 3) {
            return file_route(rest[0], repo_kind, name, rest.subspan(1));
        }
        if (is_git(rest)) return git_route(repo_kind, name);
    }
    for (std::size_t at = 1; at <= 2 && at < segments.size(); ++at) {
        if (is_one_of(segments[at], file_words)) return bad(404, "This address names no file.");
    }
    Route route = of_kind(Kind::page);
    const bool has_name = segments.size() >= 2 || repo_kind != RepoKind::model;
    RepoId repo{repo_kind, join(segments.first(std::min<std::size_t>(2, segments.size())))};
    if (has_name && is_valid_repo_name(repo.name)) route.repo = std::move(repo);
    return route;
}

// --- /api/... ---

// What stands behind a repo and leads to a listing of its own. `most` counts the segments after it.
struct ApiWord {
    std::string_view word;
    Kind kind;
    std::size_t least, most;
};

constexpr std::size_t any = static_cast<std::size_t>(-1);
constexpr std::array<ApiWord, 8> api_words{{{"revision", Kind::repo_info, 1, any},
                                            {"tree", Kind::tree, 1, any},
                                            {"paths-info", Kind::paths_info, 1, any},
                                            {"refs", Kind::refs, 0, 0},
                                            {"commits", Kind::commits, 1, any},
                                            {"auth-check", Kind::auth_check, 0, 1},
                                            {"xet-read-token", Kind::xet_token, 0, any},
                                            {"xet-write-token", Kind::write, 0, any}}};

// Seen right behind a one-segment id, these are a part of that repo and not a name.
constexpr std::array<std::string_view, 9> other_words{"compare", "croissant", "discussions",
                                                      "jwt",     "likers",    "parquet",
                                                      "runtime", "settings",  "treesize"};

// Behind a repo or at the beginning, these lead to what belongs to an account: it is neither kept
// nor asked for with the token of this proxy.
constexpr std::array<std::string_view, 7> personal_of_repo{
    "jwt",       "secrets", "settings", "user-access-report", "user-access-request",
    "variables", "webhooks"};
constexpr std::array<std::string_view, 9> personal_words{
    "billing",  "jobs",  "notifications", "resource-groups", "scheduled-jobs",
    "settings", "token", "user",          "webhooks"};
constexpr std::array<std::string_view, 6> personal_of_organization{
    "audit-log", "billing", "resource-groups", "scim", "settings", "webhooks"};

// Whatever else is asked about a repo. Where it cannot be told, its id has two segments.
Route other_repo_api(RepoKind repo_kind, Segments rest) {
    const bool short_id = rest.size() >= 2 && is_one_of(rest[1], other_words);
    const auto name = rest.first(short_id ? 1 : 2);
    const bool has_word = rest.size() > name.size();
    const bool personal = has_word && is_one_of(in_lower_case(rest[name.size()]), personal_of_repo);
    Route route = of_kind(personal ? Kind::personal : Kind::api_other);
    route.repo = {repo_kind, join(name)};
    if (!is_valid_repo_name(route.repo.name)) return bad(404, "This is not the name of a repo.");
    return route;
}

Route repo_api_route(const ApiWord& word, RepoKind repo_kind, Segments name, Segments rest) {
    Route route = repo_route(word.kind, repo_kind, name);
    if (word.kind == Kind::auth_check) {
        route.path = join(rest);
        if (!rest.empty() && route.path != "write") route.kind = Kind::api_other;
        return checked(std::move(route));
    }
    if (rest.empty()) return checked(std::move(route));
    route.revision_given = true;
    if (word.kind == Kind::tree || word.kind == Kind::commits) {
        route.revision = take_revision(rest);
        route.path = join(rest);
    } else {
        route.revision = join(rest);
    }
    return checked(std::move(route));
}

Route repo_api(RepoKind repo_kind, Segments rest) {
    for (std::size_t count = 1; count <= 2 && count < rest.size(); ++count) {
        const auto word = std::ranges::find(api_words, rest[count], &ApiWord::word);
        const std::size_t after = rest.size() - count - 1;
        if (word == api_words.end() || after < word->least || after > word->most) continue;
        return repo_api_route(*word, repo_kind, rest.first(count), rest.subspan(count + 1));
    }
    const bool is_part = rest.size() == 2 && is_one_of(rest[1], other_words);
    if (rest.size() > 2 || is_part) return other_repo_api(repo_kind, rest);
    return checked(repo_route(Kind::repo_info, repo_kind, rest));
}

Route resolve_cache(Segments rest) {
    const auto repo_kind = rest.empty() ? std::nullopt : kind_of_api_segment(rest[0]);
    if (!repo_kind) return bad(404, "This address names no file.");
    rest = rest.subspan(1);
    for (std::size_t count = 1; count <= 2 && count + 1 < rest.size(); ++count) {
        auto commit = normalise_commit(rest[count]);
        if (!commit) continue;
        Route route = repo_route(Kind::resolve_cache, *repo_kind, rest.first(count));
        route.revision = std::move(*commit);
        route.revision_given = true;
        route.path = join(rest.subspan(count + 1));
        return checked(std::move(route));
    }
    return bad(404, "This address names no file.");
}

constexpr std::array<std::string_view, 10> first_api_words{
    "agent-harnesses", "buckets",       "datasets", "kernels",   "models",
    "organizations",   "resolve-cache", "spaces",   "telemetry", "whoami-v2"};

// The Hub's router (Express) takes no notice of case: what leads there to a repo or an account must
// not pass here for something else.
bool is_in_other_case(const std::string& word, std::span<const std::string_view> words) {
    const auto lower = in_lower_case(word);
    return lower != word && is_one_of(lower, words);
}

Route api(Segments rest) {
    if (rest.empty()) return of_kind(Kind::api_other);
    if (rest[0].contains('/') || is_in_other_case(rest[0], first_api_words) ||
        is_in_other_case(rest[0], personal_words)) {
        return bad(404, no_such_address);
    }
    if (rest[0] == "telemetry") return of_kind(Kind::telemetry);
    if (rest[0] == "buckets") return of_kind(Kind::bucket);
    if (rest[0] == "resolve-cache") return resolve_cache(rest.subspan(1));
    if (rest.size() == 1 && rest[0] == "whoami-v2") return of_kind(Kind::whoami);
    if (rest.size() == 1 && rest[0] == "agent-harnesses") return of_kind(Kind::agent_harnesses);
    const auto repo_kind = kind_of_api_segment(rest[0]);
    if (repo_kind && rest.size() > 1) return repo_api(*repo_kind, rest.subspan(1));
    const bool of_organization = rest.size() > 2 && rest[0] == "organizations" &&
                                 is_one_of(in_lower_case(rest[2]), personal_of_organization);
    const bool personal = of_organization || is_one_of(rest[0], personal_words);
    return of_kind(personal ? Kind::personal : Kind::api_other);
}

// --- the whole ---

constexpr std::array<std::string_view, 5> first_words{"api", "buckets", "datasets", "kernels",
                                                      "spaces"};

// However it is written, of whatever it is: the Hub's answer would lead the client past us.
bool asks_for_xet_token(Segments segments) {
    return std::ranges::any_of(segments, [](const std::string& segment) {
        const auto word = in_lower_case(segment);
        return word == "xet-read-token" || word == "xet-write-token";
    });
}

Route without_xet_tokens(Route route, Segments segments) {
    const bool is_passed_on =
        route.kind == Kind::api_other || route.kind == Kind::personal || route.kind == Kind::bucket;
    if (is_passed_on && asks_for_xet_token(segments)) return bad(404, no_such_token);
    return route;
}

Route by_path(Segments segments) {
    if (segments.empty()) return of_kind(Kind::root);
    const std::string& first = segments[0];
    if (is_in_other_case(first, first_words)) return bad(404, no_such_address);
    if (first == "api") return without_xet_tokens(api(segments.subspan(1)), segments);
    if (first == "v2") return of_kind(Kind::oci);
    if (first == "buckets") return of_kind(Kind::bucket);
    if (first == ".well-known") return of_kind(Kind::api_other);
    if (first == "-" && segments.size() > 1 && segments[1] == "datasets-server") {
        return of_kind(Kind::viewer);
    }
    if (first == "-") {
        const bool to_cas = segments.size() > 1 && segments[1] == "xet";
        Route route = of_kind(to_cas ? Kind::xet : Kind::own);
        route.own_path = join(segments.subspan(to_cas ? 2 : 1));
        return route;
    }
    // Xet clients send it to the root of the host, wherever the CAS is.
    if (segments.size() == 2 && first == "v1" && segments[1] == "telemetry") {
        return of_kind(Kind::telemetry);
    }
    if (segments.size() == 1 && (first == "robots.txt" || first == "favicon.ico")) {
        return of_kind(Kind::robots);
    }
    return repo_page(segments);
}

// Reading is GET and HEAD, and three kinds of POST; everything else would change something.
Route by_method(Route route, std::string_view method, Segments segments) {
    const bool pushes =
        route.kind == Kind::git && (segments.back() == "git-receive-pack" ||
                                    query_value(route.query, "service") == "git-receive-pack");
    if (pushes) route.kind = Kind::write;
    const bool any_method =
        route.kind == Kind::telemetry || route.kind == Kind::own || route.kind == Kind::xet;
    if (any_method) return route;
    if (method == "GET" || method == "HEAD") {
        if (route.kind == Kind::paths_info) return bad(405, "paths-info is asked with POST.");
        return route;
    }
    const bool reads = route.kind == Kind::paths_info ||
                       (route.kind == Kind::git &&
                        (segments.back() == "git-upload-pack" || segments.back() == "batch"));
    if (method != "POST" || !reads) route.kind = Kind::write;
    return route;
}

bool is_method(std::string_view method) {
    constexpr std::array<std::string_view, 6> methods{"GET", "HEAD",  "POST",
                                                      "PUT", "PATCH", "DELETE"};
    return is_one_of(method, methods);
}

// No client sends these raw; a proxy that guesses what they mean disagrees with the next one.
bool is_clean(std::string_view target) {
    return std::ranges::none_of(target, [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '#' || c == '\\';
    });
}

std::string ascii_query(std::string_view query) {
    std::string out;
    for (const char c : query) {
        if (static_cast<unsigned char>(c) < 0x80) {
            out += c;
        } else {
            out += percent_encode_segment({&c, 1});
        }
    }
    return out;
}

// Decodes each segment once. Dots, empty segments and what else no repo can hold end it here, for
// every route alike. One slash at the end is left out.
std::optional<std::vector<std::string>> split(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
        const auto slash = path.find('/');
        auto segment = percent_decode(path.substr(0, slash));
        if (!segment || !is_valid_path(*segment)) return std::nullopt;
        segments.push_back(std::move(*segment));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return segments;
}

}  // namespace

Route parse_route(std::string_view method, std::string_view target) {
    if (method == "OPTIONS") return of_kind(Kind::preflight);
    if (!is_method(method)) return bad(405, "hubkeep does not know this method.");
    if (target.size() > max_target) return bad(414, "This address is too long.");
    if (!target.starts_with('/') || !is_clean(target)) {
        return bad(400, "This is no address of hubkeep: it must begin with / and be encoded.");
    }
    const auto question = target.find('?');
    const bool has_query = question != std::string_view::npos;
    auto path = target.substr(0, question);
    // Clients whose endpoint ends with a slash send two.
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    const auto segments = split(path);
    if (!segments) return bad(400, "This address holds a segment that no name can have.");
    const bool slash_at_end = path.ends_with('/');
    Route route = by_path(*segments);
    const bool is_file = route.kind == Kind::resolve || route.kind == Kind::raw;
    if (is_file && slash_at_end) return bad(404, "This address names a folder, not a file.");
    if (has_query) route.query = ascii_query(target.substr(question + 1));
    for (const auto& segment : *segments) {
        route.encoded_path += '/' + percent_encode_segment(segment);
    }
    if (slash_at_end || segments->empty()) route.encoded_path += '/';
    if (route.kind == Kind::bad) return route;
    return by_method(std::move(route), method, *segments);
}

}  // namespace hubkeep
