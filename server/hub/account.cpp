#include "server/hub/account.hpp"

#include <boost/json.hpp>

#include "server/hub/errors.hpp"

namespace hubkeep {
namespace {

using Object = boost::json::object;

const boost::json::value* find(const Object* object, std::string_view name) {
    return object ? object->if_contains({name.data(), name.size()}) : nullptr;
}

const Object* object_in(const Object* object, std::string_view name) {
    const auto* const found = find(object, name);
    return found ? found->if_object() : nullptr;
}

std::string text_in(const Object* object, std::string_view name) {
    const auto* const found = find(object, name);
    const auto* const text = found ? found->if_string() : nullptr;
    return text ? clean_message({text->data(), text->size()}) : std::string();
}

std::string plan_in(const Object* user) {
    auto plan = text_in(user, "plan");
    const auto* const is_pro = find(user, "isPro");
    const bool says_pro = is_pro && is_pro->is_bool() && is_pro->get_bool();
    return plan.empty() && says_pro ? "pro" : plan;
}

}  // namespace

std::optional<Account> parse_account(std::string_view document) {
    boost::system::error_code ec;
    const auto value = boost::json::parse({document.data(), document.size()}, ec);
    const auto* const user = ec ? nullptr : value.if_object();
    Account account{.name = text_in(user, "name")};
    if (account.name.empty()) return std::nullopt;
    const auto* const auth = object_in(user, "auth");
    const auto* const token = object_in(auth, "accessToken");
    account.token_name = text_in(token, "displayName");
    account.role = text_in(token, "role");
    account.plan = plan_in(user);
    account.created_at = text_in(token, "createdAt");
    account.expires_at = text_in(token, "expiresAt");
    if (account.expires_at.empty()) account.expires_at = text_in(auth, "expiresAt");
    return account;
}

}  // namespace hubkeep
