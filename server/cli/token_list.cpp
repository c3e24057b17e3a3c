#include "server/cli/token_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>

#include "server/cli/admin_call.hpp"
#include "server/cli/table.hpp"

namespace hubkeep {
namespace {

namespace json = boost::json;

constexpr std::size_t fingerprint_letters = 8;

std::string text_at(const json::value& value, std::string_view pointer) {
    boost::system::error_code ec;
    const auto* const found = value.find_pointer({pointer.data(), pointer.size()}, ec);
    const auto* const text = found ? found->if_string() : nullptr;
    return text ? std::string(text->data(), text->size()) : std::string();
}

const json::array* array_at(const json::value& value, std::string_view pointer) {
    boost::system::error_code ec;
    const auto* const found = value.find_pointer({pointer.data(), pointer.size()}, ec);
    return found ? found->if_array() : nullptr;
}

std::uint64_t number_at(const json::value& value, std::string_view name) {
    const auto* const object = value.if_object();
    const auto* const found = object ? object->if_contains({name.data(), name.size()}) : nullptr;
    boost::system::error_code ec;
    return found ? found->to_number<std::uint64_t>(ec) : 0;
}

std::string repos_text(const json::value& token) {
    std::vector<std::string> repos;
    if (const auto* const list = array_at(token, "/repos")) {
        for (const auto& repo : *list) repos.push_back(text_at(repo, ""));
    }
    return repos.empty() ? "all others" : fmt::format("{}", fmt::join(repos, ","));
}

std::string quota_text(const json::value& token) {
    std::vector<std::string> parts;
    if (const auto* const list = array_at(token, "/quotas")) {
        for (const auto& quota : *list) {
            const auto of = number_at(quota, "quota");
            parts.push_back(fmt::format("{}{} {}", number_at(quota, "left"),
                                        of == 0 ? "" : fmt::format(" of {}", of),
                                        text_at(quota, "/bucket")));
        }
    }
    return fmt::format("{}", fmt::join(parts, ", "));
}

ListedToken token_of(const json::value& value) {
    return {.name = text_at(value, "/name"),
            .repos = repos_text(value),
            .where = text_at(value, "/where"),
            .fingerprint = text_at(value, "/fingerprint"),
            .state = text_at(value, "/state"),
            .cause = text_at(value, "/cause"),
            .account = text_at(value, "/account/name"),
            .role = text_at(value, "/account/role"),
            .plan = text_at(value, "/account/plan"),
            .expires_at = text_at(value, "/account/expires_at"),
            .quota = quota_text(value),
            .account_error = text_at(value, "/account_error")};
}

}  // namespace

Result<TokenList> ask_for_tokens(const Loaded& loaded) {
    auto answer = call_admin(loaded, "GET", "/tokens", "");
    if (!answer) return std::unexpected(answer.error());
    boost::system::error_code ec;
    const auto document = json::parse(answer->body, ec);
    const auto* const tokens = ec ? nullptr : array_at(document, "/tokens");
    if (!tokens) return fail(ErrorKind::protocol, "this is not hubkeep's admin listener");
    TokenList list{{}, std::move(answer->body)};
    for (const auto& token : *tokens) list.tokens.push_back(token_of(token));
    return list;
}

TokenList list_of(const std::vector<ServiceToken>& tokens) {
    json::array array;
    for (const auto& token : tokens) {
        json::array repos;
        for (const auto& repo : token.repos) repos.emplace_back(repo);
        array.push_back(
            json::object{{"name", token.name},
                         {"repos", std::move(repos)},
                         {"where", token.where},
                         {"fingerprint", token.token.fingerprint().substr(0, fingerprint_letters)},
                         {"state", "unknown"}});
    }
    TokenList list;
    for (const auto& token : array) list.tokens.push_back(token_of(token));
    list.json = json::serialize(json::object{{"tokens", std::move(array)}}) + "\n";
    return list;
}

void print_tokens(const TokenList& list) {
    if (list.tokens.empty()) {
        fmt::print("no token: clients' own are passed to the Hub\n");
        return;
    }
    std::vector<std::vector<std::string>> rows{
        {"NAME", "REPOS", "FROM", "KEY", "STATE", "ACCOUNT", "ROLE", "PLAN", "EXPIRES", "LEFT"}};
    for (const auto& it : list.tokens) {
        rows.push_back({it.name, it.repos, it.where, it.fingerprint, it.state, it.account, it.role,
                        it.plan, it.expires_at, it.quota});
    }
    print_table(rows);
    for (const auto& it : list.tokens) {
        if (!it.account_error.empty()) fmt::print("{}: {}\n", it.name, it.account_error);
    }
}

void print_json(const TokenList& list) {
    fmt::print("{}", list.json);
}

}  // namespace hubkeep
