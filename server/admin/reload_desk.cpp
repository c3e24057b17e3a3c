#include "server/admin/reload_desk.hpp"

#include <boost/json.hpp>

#include "common/offload.hpp"
#include "server/proxy/answers.hpp"

namespace hubkeep {
namespace {

constexpr int unprocessable = 422;
constexpr std::string_view json_type = "application/json";

boost::json::array array_of(const std::vector<std::string>& texts) {
    boost::json::array array;
    for (const auto& text : texts) array.emplace_back(text);
    return array;
}

}  // namespace

Task<void> ReloadDesk::handle(Exchange& exchange) {
    if (exchange.request().method != "POST") {
        HubError error{.status = 405, .code = "", .message = "This method is not for this path."};
        co_await send_refusal(exchange, {std::move(error), {}}, true);
        co_return;
    }
    const auto reloaded = co_await offload(pool_, [this] { return reloader_.reload(); });
    const bool is_done = reloaded.problems.empty();
    boost::json::object answer{{"reloaded", is_done}};
    if (is_done) {
        answer["needs_restart"] = array_of(reloaded.needs_restart);
        answer["notices"] = array_of(reloaded.notices);
    } else {
        answer["error"] = "The settings were not reloaded, the old ones stay.";
        answer["problems"] = array_of(reloaded.problems);
    }
    co_await send_text(exchange, is_done ? 200 : unprocessable, json_type,
                       boost::json::serialize(answer) + "\n");
}

}  // namespace hubkeep
