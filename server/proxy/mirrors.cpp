#include "server/proxy/mirrors.hpp"

#include "server/hub/route.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view hubkeep_name = "hubkeep";
constexpr std::string_view via_prefix = "1.1 hubkeep-";
constexpr std::string_view warning_prefix = "hubkeep; ";
constexpr std::size_t longest_name = 64;
constexpr int longest_chain = 8;

std::string_view commit_of(const HubAnswer& answer) {
    const auto commit = answer.response.head().headers.get("X-Repo-Commit");
    if (!commit.empty()) return commit;
    for (const auto& hop : answer.redirects) {
        if (hop.headers.has("X-Repo-Commit")) return hop.headers.get("X-Repo-Commit");
    }
    return {};
}

bool has_form_of_the_hub(const HubAnswer& answer, const HubRequest& request) {
    const int status = answer.response.status();
    if (status < 200 || status >= 400) return false;
    const auto route = parse_route(request.method, request.target);
    const bool is_file = route.kind == Route::Kind::resolve ||
                         route.kind == Route::Kind::resolve_cache || route.kind == Route::Kind::raw;
    if (is_file) {
        const auto commit = commit_of(answer);
        return is_commit(commit) && (!is_commit(route.revision) || route.revision == commit);
    }
    const auto type = answer.response.head().headers.get("Content-Type");
    return status == 200 && type.find("json") != std::string_view::npos;
}

// Calls `use` with each entry of a Via, without spaces around it.
template <typename Use>
void each_entry(std::string_view via, Use use) {
    while (!via.empty()) {
        const auto comma = via.find(',');
        auto entry = via.substr(0, comma);
        while (entry.starts_with(' ')) entry.remove_prefix(1);
        while (entry.ends_with(' ')) entry.remove_suffix(1);
        use(entry);
        via = comma == std::string_view::npos ? std::string_view() : via.substr(comma + 1);
    }
}

}  // namespace

bool is_good_answer(const HubAnswer& answer, const HubRequest& request) {
    return answer.warning.empty() && has_form_of_the_hub(answer, request);
}

bool is_second_best(const HubAnswer& answer, const HubRequest& request) {
    const auto& head = answer.response.head();
    if (!is_from_hubkeep(head)) return false;
    const bool is_missing_file = head.status == 404 &&
                                 head.headers.get("X-Error-Code") == "EntryNotFound" &&
                                 is_commit(head.headers.get("X-Repo-Commit"));
    return is_missing_file || has_form_of_the_hub(answer, request);
}

bool is_from_hubkeep(const ResponseHead& head) {
    return head.headers.get("Server").starts_with(hubkeep_name);
}

std::string stale_warning_of(const ResponseHead& head) {
    const auto warning = head.headers.get("X-HF-Warning");
    if (!warning.starts_with(warning_prefix)) return {};
    return std::string(warning.substr(warning_prefix.size()));
}

std::string hubkeeps_in(std::string_view via) {
    std::string names;
    each_entry(via, [&](std::string_view entry) {
        if (!entry.starts_with(via_prefix) || entry.size() > longest_name) return;
        if (entry.find(' ', via_prefix.size()) != std::string_view::npos) return;
        if (!names.empty()) names += ", ";
        names += entry;
    });
    return names;
}

bool goes_in_a_circle(std::string_view via, std::string_view own_name) {
    int count = 0;
    bool own = false;
    each_entry(via, [&](std::string_view entry) {
        ++count;
        own = own || entry == own_name;
    });
    return own || count > longest_chain;
}

}  // namespace hubkeep
