#include "server/hub/webhook.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace hubkeep {
namespace {

constexpr std::size_t max_refs = 16;

using boost::json::object;
using boost::json::value;

const object* object_at(const object& parent, std::string_view name) {
    const auto* const found = parent.if_contains({name.data(), name.size()});
    return found ? found->if_object() : nullptr;
}

std::string text_at(const object* parent, std::string_view name) {
    const auto* const found = parent ? parent->if_contains({name.data(), name.size()}) : nullptr;
    const auto* const text = found ? found->if_string() : nullptr;
    return text ? std::string(text->data(), text->size()) : std::string();
}

std::string revision_of(const std::string& ref) {
    for (const std::string_view prefix : {"refs/heads/", "refs/tags/"}) {
        if (ref.starts_with(prefix)) return ref.substr(prefix.size());
    }
    return ref;
}

}  // namespace

Result<WebhookEvent> parse_webhook(std::string_view body) {
    boost::system::error_code error;
    const auto document = boost::json::parse({body.data(), body.size()}, error);
    const auto* const root = error ? nullptr : document.if_object();
    const auto* const repo = root ? object_at(*root, "repo") : nullptr;
    const auto kind = kind_of_name(text_at(repo, "type"));
    const auto name = text_at(repo, "name");
    if (!kind || !is_valid_repo_name(name)) {
        return fail(ErrorKind::invalid, "This is not the Hub's message about a repo.");
    }
    WebhookEvent event{.repo = {*kind, name}, .refs = {}, .whole_repo = false};
    const auto scope = text_at(object_at(*root, "event"), "scope");
    event.whole_repo = scope == "repo" || scope == "repo.config";
    const auto* const list = root->if_contains("updatedRefs");
    const auto* const refs = list ? list->if_array() : nullptr;
    if (refs == nullptr) return event;
    for (const auto& one : *refs) {
        auto revision = revision_of(text_at(one.if_object(), "ref"));
        if (!is_valid_revision(revision)) continue;
        if (event.refs.size() == max_refs) {
            event.whole_repo = true;
            break;
        }
        auto commit = normalise_commit(text_at(one.if_object(), "newSha")).value_or("");
        event.refs.push_back({std::move(revision), std::move(commit)});
    }
    return event;
}

}  // namespace hubkeep
