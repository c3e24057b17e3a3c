#include "server/proxy/hop_log.hpp"

#include <chrono>

#include "common/redact.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view hidden = "***";

// Of an address that may be signed in ways that we do not know.
std::string without_query(std::string_view address) {
    const auto mark = address.find('?');
    if (mark == address.npos) return std::string(address);
    return std::string(address.substr(0, mark + 1)).append(hidden);
}

}  // namespace

std::string fields_for_log(const Headers& headers) {
    std::string text;
    for (const auto& [name, value] : headers) {
        if (!text.empty()) text += " | ";
        text.append(name).append(": ");
        if (is_secret_field(name)) text += hidden;
        else if (iequals(name, "Location")) text += without_query(value);
        else text += value;
    }
    return text;
}

std::string target_for_log(const ClientRequest& request) {
    const std::string_view target = request.head.target;
    return std::string(request.led_by ? target.substr(0, target.find('?')) : target);
}

HopLog::HopLog(Log& log, const ClientRequest& request) : log_(log) {
    if (!log.enabled(LogLevel::debug)) return;
    asked_.emplace();
    asked_->method = request.head.method;
    asked_->origin = request.origin.url();
    asked_->target = target_for_log(request);
    asked_->token = request.bearer.empty() ? "none" : request.bearer.fingerprint();
    if (log.enabled(LogLevel::trace)) asked_->fields = fields_for_log(request.head.headers);
    asked_->at = SteadyClock::now();
}

void HopLog::end(const Result<ClientResponse>& response) const {
    if (!asked_) return;
    const std::chrono::duration<double, std::milli> time = SteadyClock::now() - asked_->at;
    const std::string_view cause = response ? std::string_view() : response.error().message;
    log_.debug("asked another server", {{"method", asked_->method},
                                        {"origin", asked_->origin},
                                        {"path", asked_->target},
                                        {"token", asked_->token},
                                        {"status", response ? response->status() : 0},
                                        {"cause", cause},
                                        {"time_ms", time.count()}});
    if (!log_.enabled(LogLevel::trace)) return;
    const auto answered = response ? fields_for_log(response->head().headers) : std::string();
    log_.write(LogLevel::trace, "heads of a request to another server",
               {{"path", asked_->target}, {"sent", asked_->fields}, {"received", answered}});
}

}  // namespace hubkeep
