#include "server/hub/listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <set>

#include "common/byte_range.hpp"
#include "server/hub/json_text.hpp"
#include "server/hub/names.hpp"
#include "server/hub/query.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_paths = 1000;  // the Hub's own limit
constexpr std::size_t max_paths_body = 8 * 1024 * 1024;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with_word(std::string_view text, std::string_view word) {
    if (text.size() < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (lower(text[i]) != word[i]) return false;
    }
    return true;
}

// The text of a member of an object; "" when it has none.
std::string member(const boost::json::value& value, std::string_view name) {
    const auto* const object = value.if_object();
    const auto* const found = object ? object->if_contains({name.data(), name.size()}) : nullptr;
    const auto* const text = found ? found->if_string() : nullptr;
    return text ? std::string(text->data(), text->size()) : std::string();
}

// --- Link ---

// Where `text` has `separator` outside of quotes, or its end.
std::size_t end_before(std::string_view text, char separator) {
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == separator && !quoted) return at;
        if (text[at] == '"') quoted = !quoted;
        if (text[at] == '\\' && quoted) ++at;
    }
    return text.size();
}

// Takes what stands before the separator, and the separator, off the text.
std::string_view take(std::string_view& text, char separator) {
    const auto one = text.substr(0, end_before(text, separator));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    return one;
}

bool has_word(std::string_view words, std::string_view wanted) {
    for (;;) {
        const auto begin = words.find_first_not_of("\" \t");
        if (begin == std::string_view::npos) return false;
        words.remove_prefix(begin);
        const auto word = words.substr(0, words.find_first_of("\" \t"));
        if (word.size() == wanted.size() && starts_with_word(word, wanted)) return true;
        words.remove_prefix(word.size());
    }
}

// Only the first rel of a link counts (RFC 8288 section 3.3).
bool is_next(std::string_view parameters) {
    while (!parameters.empty()) {
        auto one = take(parameters, ';');
        one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
        if (starts_with_word(one, "rel=")) return has_word(one.substr(4), "next");
    }
    return false;
}

// Nothing that could end the <> of a Link, the line of a request, or be read in two ways.
bool is_clean(std::string_view target) {
    return std::ranges::none_of(target, [](char c) {
        return c <= 0x20 || c >= 0x7f || std::string_view("<>\"#\\").contains(c);
    });
}

// "https://host:port" in one form: lower case, the port always there.
std::optional<std::string> origin_of(std::string_view text) {
    const auto url = boost::urls::parse_uri({text.data(), text.size()});
    if (!url || url->has_userinfo() || url->host().empty()) return std::nullopt;
    const bool tls = url->scheme_id() == boost::urls::scheme::https;
    if (!tls && url->scheme_id() != boost::urls::scheme::http) return std::nullopt;
    const int port = url->has_port() ? url->port_number() : tls ? 443 : 80;
    std::string host = url->host();
    std::ranges::transform(host, host.begin(), lower);
    return fmt::format("{}://{}:{}", tls ? "https" : "http", host, port);
}

// --- paths-info ---

auto refused(int status, std::string message) {
    return fail(ErrorKind::invalid, std::move(message), status);
}

Result<std::vector<std::string>> paths_of_json(std::string_view body, bool& expand) {
    boost::system::error_code error;
    const auto value = boost::json::parse({body.data(), body.size()}, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto* paths = object ? object->if_contains("paths") : nullptr;
    if (!paths) return refused(400, "paths-info needs a JSON object with a list of paths.");
    if (const auto* flag = object->if_contains("expand")) {
        expand = flag->is_bool() && flag->get_bool();
    }
    std::vector<std::string> out;
    if (paths->is_string()) out.emplace_back(paths->get_string());
    if (paths->is_array()) {
        for (const auto& path : paths->get_array()) {
            if (!path.is_string()) return refused(400, "Each of the paths must be a string.");
            out.emplace_back(path.get_string());
        }
    } else if (!paths->is_string()) {
        return refused(400, "paths must be a list of strings.");
    }
    return out;
}

std::vector<std::string> paths_of_form(std::string_view body, bool& expand) {
    std::vector<std::string> out;
    for (auto& [key, value] : parse_query(body)) {
        if (key == "paths" || key == "paths[]") out.push_back(std::move(value));
    }
    expand = query_flag(body, "expand");
    return out;
}

}  // namespace

std::string strip_xet(std::string checked_json) {
    // Most documents hold no hint, neither plain nor spelled with escapes: nothing to copy.
    if (!checked_json.contains("xet") && !checked_json.contains("\\u")) return checked_json;
    return without_members(
        checked_json, [](std::string_view key) { return key == "xetHash" || key == "xetEnabled"; });
}

std::string strip_xet_above(std::uint64_t size, std::string checked_json) {
    std::string out;
    std::size_t copied = 0;
    JsonElements elements(checked_json);
    while (const auto element = elements.next()) {
        const auto told = member_text(*element, "size");
        if (parse_u64(told.value_or("")).value_or(0) <= size) continue;
        const auto begin = static_cast<std::size_t>(element->data() - checked_json.data());
        out.append(checked_json, copied, begin - copied).append(strip_xet(std::string(*element)));
        copied = begin + element->size();
    }
    if (copied == 0) return checked_json;
    return out.append(checked_json, copied);
}

Result<RepoFacts> facts_of_info(std::string_view json) {
    if (const auto checked = check_json(json); !checked) return std::unexpected(checked.error());
    if (json.find_first_not_of(" \t\r\n") != json.find('{')) {
        return fail(ErrorKind::protocol, "The Hub sent repo info that is not a JSON object.");
    }
    RepoFacts facts;
    if (const auto id = member_text(json, "id")) facts.id = as_string(*id).value_or("");
    if (const auto sha = member_text(json, "sha"); sha && *sha != "null") {
        const auto commit = normalise_commit(as_string(*sha).value_or(""));
        if (!commit)
            return fail(ErrorKind::protocol, "The Hub sent repo info whose sha is no commit.");
        facts.sha = *commit;
    }
    if (const auto text = member_text(json, "private")) facts.is_private = as_bool(*text);
    if (const auto text = member_text(json, "gated")) {
        facts.gated = as_string(*text) ? std::optional(true) : as_bool(*text);
    }
    if (const auto text = member_text(json, "disabled")) facts.disabled = as_bool(*text);
    return facts;
}

Result<std::string> commit_of_info(std::string_view json) {
    auto facts = facts_of_info(json);
    if (!facts) return std::unexpected(facts.error());
    if (facts->sha.empty()) {
        return fail(ErrorKind::protocol, "The Hub sent repo info without the commit (sha).");
    }
    return std::move(facts->sha);
}

Result<std::string> with_commits(
    std::string_view refs,
    const std::function<std::string(const std::string& revision, const std::string& commit)>&
        commit_of) {
    const auto checked = check_json(refs);
    if (!checked) return std::unexpected(checked.error());
    boost::json::value document = boost::json::parse({refs.data(), refs.size()});
    auto* const groups = document.if_object();
    if (groups == nullptr) return std::string(refs);
    std::set<std::string, std::less<>> branches;
    for (const std::string_view group : {"branches", "converts", "pullRequests", "tags"}) {
        auto* const list = groups->if_contains({group.data(), group.size()});
        if (list == nullptr || !list->is_array()) continue;
        for (auto& ref : list->get_array()) {
            const auto name = member(ref, group == "branches" || group == "tags" ? "name" : "ref");
            const auto commit = member(ref, "targetCommit");
            if (name.empty() || commit.empty()) continue;
            if (group == "branches") branches.insert(name);
            if (group == "tags" && branches.contains(name)) continue;
            ref.get_object()["targetCommit"] = commit_of(name, commit);
        }
    }
    return boost::json::serialize(document);
}

std::optional<std::string> next_link(std::string_view link_header) {
    for (;;) {
        const auto open = link_header.find('<');
        if (open == std::string_view::npos) return std::nullopt;
        const auto close = link_header.find('>', open);
        if (close == std::string_view::npos) return std::nullopt;
        const auto url = link_header.substr(open + 1, close - open - 1);
        link_header.remove_prefix(close + 1);
        if (is_next(take(link_header, ','))) return std::string(url);
    }
}

std::optional<std::string> target_of_url(std::string_view url, std::string_view hub_origin) {
    if (!is_clean(url)) return std::nullopt;
    if (url.starts_with('/') && !url.starts_with("//")) return std::string(url);
    // The Hub leaves brackets in queries, which RFC 3986 does not allow: only the origin is parsed.
    const auto authority = url.find("://");
    if (authority == std::string_view::npos) return std::nullopt;
    const auto end = std::min(url.find_first_of("/?", authority + 3), url.size());
    const auto origin = origin_of(url.substr(0, end));
    if (!origin || origin != origin_of(hub_origin)) return std::nullopt;
    const auto target = url.substr(end);
    return target.starts_with('/') ? std::string(target) : '/' + std::string(target);
}

std::string rewrite_link(std::string_view link_header, std::string_view hub_origin,
                         std::string_view public_origin) {
    const auto next = next_link(link_header);
    if (!next) return {};
    const auto target = target_of_url(*next, hub_origin);
    if (!target) return {};
    while (public_origin.ends_with('/')) public_origin.remove_suffix(1);
    return fmt::format("<{}{}>; rel=\"next\"", public_origin, *target);
}

Result<std::vector<std::string>> paths_of_request(std::string_view content_type,
                                                  std::string_view body, bool& expand) {
    expand = false;
    if (body.size() > max_paths_body) return refused(413, "This request names too many paths.");
    Result<std::vector<std::string>> paths;
    if (starts_with_word(content_type, "application/json")) {
        paths = paths_of_json(body, expand);
    } else if (starts_with_word(content_type, "application/x-www-form-urlencoded")) {
        paths = paths_of_form(body, expand);
    } else {
        return refused(400, "paths-info takes a form or JSON.");
    }
    if (!paths) return paths;
    if (paths->size() > max_paths) return refused(413, "too many parameters");
    std::erase_if(*paths, [](const std::string& path) { return !is_valid_path(path); });
    return paths;
}

}  // namespace hubkeep
