#include "server/admin/policy_desk.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "config/values.hpp"
#include "server/admin/json_values.hpp"
#include "server/hub/query.hpp"
#include "server/proxy/access_words.hpp"

namespace hubkeep {
namespace {

struct Verdict {
    std::string_view word;
    std::string why;
};

std::string_view word_of(const std::optional<Visibility>& visibility) {
    if (!visibility) return "unknown";
    switch (*visibility) {
        case Visibility::open: return "public";
        case Visibility::gated: return "gated";
        case Visibility::closed: return "private or missing";
    }
    return "";
}

Verdict verdict_of(const Access::Explanation& told) {
    if (told.key_excludes) return {"refused", "The key is for other repositories."};
    if (told.policy.denied) {
        return {"refused", fmt::format("The rule \"{}\" denies it.", told.policy.rule)};
    }
    if (told.visibility == Visibility::open) return {"served", "It is public at the Hub."};
    const auto rule = words::by_rule(told.sharing.rule);
    if (told.sharing.sharing == Sharing::shared) {
        return {"served",
                told.has_service_token
                    ? fmt::format("What the service token opens is shared{}.", rule)
                    : "There is no service token: what the client's own Hub token opens."};
    }
    if (!told.visibility) return {"unknown", "The Hub cannot be asked whether it is public."};
    if (told.sharing.sharing == Sharing::deny) {
        return {"refused", fmt::format("It is not public, and not shared{}.", rule)};
    }
    return {"needs_proof",
            fmt::format("Served to clients whose own Hub token can read a file of it{}.", rule)};
}

boost::json::object document_of(const Access::Explanation& told, const Visitor& visitor) {
    const auto verdict = verdict_of(told);
    return {
        {"repo", path_of(told.asked.repo)},
        {"canonical", path_of(told.asked.canonical)},
        {"visibility", word_of(told.visibility)},
        {"client", visitor.describe()},
        {"team", text_or_null(visitor.team)},
        {"policy", {{"denied", told.policy.denied}, {"rule", text_or_null(told.policy.rule)}}},
        {"sharing",
         {{"mode", write_value(told.sharing.sharing)}, {"rule", text_or_null(told.sharing.rule)}}},
        {"verdict", verdict.word},
        {"why", verdict.why}};
}

}  // namespace

Task<void> PolicyDesk::handle(Exchange& exchange) {
    const auto query = exchange.request().query();
    const auto repo = parse_repo(query_value(query, "repo").value_or(""));
    const auto file = query_value(query, "file");
    const auto revision = query_value(query, "revision").value_or("main");
    const bool is_good = repo && is_valid_revision(revision) && (!file || is_valid_path(*file));
    if (!is_good) {
        auto error = bad_request(
            "\"repo\" must be org/name, datasets/org/name or spaces/org/name; \"file\" and "
            "\"revision\", if given, a path and a branch, tag or commit in it");
        co_await send_refusal(exchange, {std::move(error), {}}, true);
        co_return;
    }
    Route route;
    route.kind = file ? Route::Kind::resolve : Route::Kind::repo_info;
    route.repo = *repo;
    route.revision = revision;
    route.revision_given = query_value(query, "revision").has_value();
    route.path = file.value_or("");
    const auto visitor = clients_.named(query_value(query, "client").value_or(""));
    const auto told = co_await access_.explain(exchange.thread(), visitor, route);
    const auto text = boost::json::serialize(document_of(told, visitor)) + "\n";
    co_await send_text(exchange, 200, "application/json", text);
}

}  // namespace hubkeep
