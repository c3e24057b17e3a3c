#include "server/admin/token_desk.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "server/admin/json_values.hpp"
#include "server/proxy/answers.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::size_t fingerprint_letters = 8;
constexpr std::size_t document_limit_bytes = 1024 * 1024;
constexpr auto kept_for = std::chrono::minutes(10);
constexpr auto patience = seconds(25);  // for all of them together

boost::json::object as_json(const Account& account) {
    return {{"name", account.name},
            {"token_name", text_or_null(account.token_name)},
            {"role", text_or_null(account.role)},
            {"plan", text_or_null(account.plan)},
            {"created_at", text_or_null(account.created_at)},
            {"expires_at", text_or_null(account.expires_at)}};
}

boost::json::object as_json(const ServiceTokens::Line& line) {
    boost::json::array repos;
    for (const auto& repo : line.token.repos) repos.emplace_back(repo);
    boost::json::value since;
    if (line.since != 0) since = line.since;
    return {{"name", line.token.name},
            {"repos", std::move(repos)},
            {"where", line.token.where},
            {"fingerprint", line.token.token.fingerprint().substr(0, fingerprint_letters)},
            {"state", name_of(line.state)},
            {"since", since},
            {"cause", text_or_null(line.cause)}};
}

boost::json::array quotas_of(const std::vector<Budget::Line>& lines, const std::string& who) {
    boost::json::array quotas;
    for (const auto& line : lines) {
        if (line.account.who != who) continue;
        boost::json::object quota{{"bucket", line.limit.bucket},
                                  {"left", line.limit.left},
                                  {"reset_seconds", line.limit.reset_seconds}};
        if (line.policy) {
            quota["quota"] = line.policy->quota;
            quota["window_seconds"] = line.policy->window_seconds;
        }
        quotas.push_back(std::move(quota));
    }
    return quotas;
}

}  // namespace

std::optional<Account> TokenDesk::remembered(const std::string& fingerprint) {
    const std::lock_guard lock(mutex_);
    const auto found = accounts_.find(fingerprint);
    const bool is_known =
        found != accounts_.end() && SteadyClock::now() < found->second.second + kept_for;
    return is_known ? std::optional(found->second.first) : std::nullopt;
}

void TokenDesk::forget_others(const std::vector<ServiceTokens::Line>& lines) {
    const std::lock_guard lock(mutex_);
    std::erase_if(accounts_, [&](const auto& entry) {
        return std::ranges::none_of(lines, [&](const ServiceTokens::Line& line) {
            return line.token.token.fingerprint() == entry.first;
        });
    });
}

Task<Result<Account>> TokenDesk::ask(IoThread& thread, Secret token) {
    HubRequest request;
    request.target = "/api/whoami-v2";
    request.headers.set("Accept", "application/json");
    request.mirrors_may_answer = false;
    const Credential credential{Credential::Kind::service, token};
    auto answer = co_await upstream_.ask(thread, std::move(request), credential, Follow::no);
    if (!answer) co_return std::unexpected(answer.error());
    const auto body = co_await answer->response.read_all(document_limit_bytes);
    if (!body) co_return std::unexpected(body.error());
    const auto& head = answer->response.head();
    if (head.status != 200) {
        const auto get = [&](std::string_view name) { return head.headers.get(name); };
        co_return fail(ErrorKind::denied, from_hub(head.status, get, false).message);
    }
    auto account = parse_account(*body);
    if (!account) co_return fail(ErrorKind::protocol, "the Hub did not say whose token it is");
    const std::lock_guard lock(mutex_);
    accounts_.insert_or_assign(token.fingerprint(), std::pair(*account, SteadyClock::now()));
    co_return std::move(*account);
}

Task<Result<Account>> TokenDesk::account_of(IoThread& thread, const Secret& token,
                                            TimePoint deadline) {
    auto known = remembered(token.fingerprint());
    if (known) co_return std::move(*known);
    auto answer = co_await questions_.ask(
        thread.tasks(), token.fingerprint(), [this, &thread, token] { return ask(thread, token); },
        deadline);
    if (!answer) co_return fail(ErrorKind::timed_out, "the Hub did not answer in time");
    co_return std::move(answer->value);
}

Task<void> TokenDesk::handle(Exchange& exchange) {
    const auto lines = tokens_.lines();
    const auto deadline = SteadyClock::now() + patience;
    forget_others(lines);
    std::vector<Result<Account>> accounts;
    for (const auto& line : lines) {
        auto account = co_await account_of(exchange.thread(), line.token.token, deadline);
        accounts.push_back(std::move(account));
    }
    // Asking has told what is left, and whether it is refused.
    const auto quotas = upstream_.budget().snapshot(SteadyClock::now());
    boost::json::array list;
    for (const auto& line : tokens_.lines()) {
        auto object = as_json(line);
        object["quotas"] = quotas_of(quotas, line.token.token.fingerprint());
        const auto asked = std::ranges::find_if(lines, [&](const ServiceTokens::Line& one) {
            return one.token.token.equals(line.token.token.reveal());
        });
        if (asked != lines.end()) {
            const auto& account = accounts[static_cast<std::size_t>(asked - lines.begin())];
            object["account"] = account ? boost::json::value(as_json(*account)) : nullptr;
            object["account_error"] = text_or_null(account ? "" : account.error().message);
        }
        list.push_back(std::move(object));
    }
    const boost::json::object answer{{"tokens", std::move(list)}};
    co_await send_text(exchange, 200, json_type, boost::json::serialize(answer) + "\n");
}

}  // namespace hubkeep
