#include "server/admin/revision_desk.hpp"

#include <boost/json.hpp>

#include "server/admin/json_values.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t body_limit_bytes = 64 * 1024;
constexpr std::string_view json_type = "application/json";

std::string text_of(const boost::json::object& object, std::string_view name) {
    const auto* const found = object.if_contains({name.data(), name.size()});
    const auto* const text = found ? found->if_string() : nullptr;
    return text ? std::string(text->data(), text->size()) : std::string();
}

Task<void> send_object(Exchange& exchange, boost::json::object object) {
    co_await send_text(exchange, 200, json_type, boost::json::serialize(object) + "\n");
}

Task<void> send_error(Exchange& exchange, const Error& error) {
    co_await send_refusal(exchange, {from_error(error), {}}, true);
}

}  // namespace

Task<Result<RevisionDesk::Order>> RevisionDesk::read_order(Exchange& exchange) {
    const auto body = co_await exchange.read_body(body_limit_bytes);
    if (!body) co_return std::unexpected(body.error());
    boost::system::error_code error;
    const auto document = boost::json::parse(*body, error);
    const auto* const object = error ? nullptr : document.if_object();
    if (object == nullptr) {
        co_return fail(ErrorKind::invalid,
                       R"(the body must be JSON such as {"repo": "org/name", "revision": "main"})");
    }
    Order order;
    const auto repo = parse_repo(text_of(*object, "repo"));
    if (!repo) {
        co_return fail(ErrorKind::invalid,
                       "\"repo\" must be org/name, datasets/org/name or spaces/org/name");
    }
    order.repo = *repo;
    if (object->contains("revision")) order.revision = text_of(*object, "revision");
    if (!is_valid_revision(order.revision) || is_commit(order.revision)) {
        co_return fail(ErrorKind::invalid, "\"revision\" must be a branch, a tag or refs/pr/N");
    }
    order.commit = normalise_commit(text_of(*object, "commit")).value_or("");
    co_return order;
}

Task<void> RevisionDesk::handle(Exchange& exchange) {
    const auto& request = exchange.request();
    const bool is_refresh = request.path() == "/refresh";
    if (!is_refresh && (request.method == "GET" || request.method == "HEAD")) {
        co_await list(exchange);
        co_return;
    }
    const bool is_known = is_refresh ? request.method == "POST"
                                     : request.method == "PUT" || request.method == "DELETE";
    if (!is_known) {
        HubError error{.status = 405, .code = "", .message = "This method is not for this path."};
        co_await send_refusal(exchange, {std::move(error), {}}, true);
        co_return;
    }
    auto order = co_await read_order(exchange);
    if (!order) {
        co_await send_error(exchange, order.error());
    } else if (is_refresh) {
        co_await refresh(exchange, std::move(*order));
    } else if (request.method == "PUT") {
        co_await pin(exchange, std::move(*order));
    } else {
        co_await unpin(exchange, std::move(*order));
    }
}

Task<void> RevisionDesk::list(Exchange& exchange) {
    boost::json::array pins;
    for (const auto& pin : index_.reader(exchange.thread().number()).pins()) {
        const RepoId repo{kind_of_name(pin.kind).value_or(RepoKind::model), pin.name};
        pins.push_back(boost::json::object{{"repo", path_of(repo)},
                                           {"revision", pin.revision},
                                           {"commit", pin.row.commit},
                                           {"at", pin.row.at}});
    }
    co_await send_object(exchange, {{"pins", std::move(pins)}});
}

Task<void> RevisionDesk::pin(Exchange& exchange, Order order) {
    if (order.commit.empty()) {
        const Error error{ErrorKind::invalid, "\"commit\" must be a whole commit: 40 hex digits"};
        co_await send_error(exchange, error);
        co_return;
    }
    auto repo = refresher_.canonical(exchange.thread(), order.repo);
    const auto pinned = co_await revisions_.pin(repo, order.revision, order.commit);
    if (!pinned) {
        co_await send_error(exchange, pinned.error());
        co_return;
    }
    co_await send_object(
        exchange,
        {{"repo", path_of(repo)}, {"revision", order.revision}, {"commit", order.commit}});
}

Task<void> RevisionDesk::unpin(Exchange& exchange, Order order) {
    auto repo = refresher_.canonical(exchange.thread(), order.repo);
    const auto unpinned = co_await revisions_.unpin(repo, order.revision);
    if (!unpinned) {
        co_await send_error(exchange, unpinned.error());
        co_return;
    }
    co_await send_object(exchange, {{"repo", path_of(repo)}, {"revision", order.revision}});
}

Task<void> RevisionDesk::refresh(Exchange& exchange, Order order) {
    const auto refreshed = co_await refresher_.refresh(exchange.thread(), order.repo,
                                                       order.revision, Priority::foreground);
    if (!refreshed) {
        co_await send_refusal(exchange, refreshed.error(), true);
        co_return;
    }
    co_await send_object(exchange, {{"repo", path_of(order.repo)},
                                    {"revision", order.revision},
                                    {"before", text_or_null(refreshed->before)},
                                    {"after", refreshed->after},
                                    {"pinned", refreshed->pinned}});
}

}  // namespace hubkeep
