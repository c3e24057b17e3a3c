#include "server/proxy/reads.hpp"

#include <fmt/format.h>

#include "server/hub/fields.hpp"
#include "server/hub/json_text.hpp"
#include "server/hub/listing.hpp"
#include "server/proxy/xet_mode.hpp"

namespace hubkeep {
namespace {

constexpr auto patience = seconds(25);
constexpr auto patience_with_stale = seconds(2);
constexpr std::size_t kept_limit_bytes = 8 * 1024 * 1024;
constexpr int attempts_per_question = 2;
constexpr auto pause_between_attempts = milliseconds(150);
constexpr std::string_view viewer_prefix = "/-/datasets-server";

// Where the Hub led to, when that is a file of a repo.
std::string file_behind(const HubAnswer& answer, const std::string& asked) {
    if (answer.hub_target == asked) return {};
    const auto kind = parse_route("GET", answer.hub_target).kind;
    const bool is_file = kind == Route::Kind::resolve || kind == Route::Kind::resolve_cache;
    return is_file ? answer.hub_target : std::string();
}

void add_conditions(Headers& headers, const KeptAnswer& kept) {
    const auto etag = joined_field(kept.fields, "etag");
    const auto modified = joined_field(kept.fields, "last-modified");
    if (!etag.empty()) headers.set("If-None-Match", etag);
    if (!modified.empty()) headers.set("If-Modified-Since", modified);
}

}  // namespace

Reads::Question Reads::question_of(const Exchange& exchange, const Route& route,
                                   const Caller& caller) const {
    Question question;
    const bool of_repo = !route.repo.name.empty();
    question.key.scope = {of_repo ? std::string(name_of(route.repo.kind)) : "hub", route.repo.name,
                          caller.access};
    question.key.target = route.target();
    question.ask = forward_.request_for(exchange, route);
    question.credential = caller.credential;
    question.with_xet = shows_xet(settings_, route);
    for (const auto& [name, value] : question.ask.headers) {
        question.key.asker.emplace_back(name, value);
    }
    // What is kept has to be whole.
    question.ask.method = "GET";
    question.ask.headers.remove("Range");
    return question;
}

Task<void> Reads::serve(Exchange& exchange, Route route, Caller caller, Visitor visitor) {
    auto question = question_of(exchange, route, caller);
    co_await answer(exchange, std::move(route), std::move(visitor), std::move(question));
}

Task<void> Reads::serve_viewer(Exchange& exchange, Route route) {
    if (!viewer_) {
        HubError error{404, "", "hubkeep is set up without a dataset viewer."};
        co_await send_refusal(exchange, {std::move(error), {}}, true);
        co_return;
    }
    auto question = question_of(exchange, route, {});
    question.key.scope = {"viewer", "", ""};
    question.ask.site = viewer_;
    question.ask.target.erase(0, viewer_prefix.size());
    if (!question.ask.target.starts_with('/')) question.ask.target.insert(0, "/");
    co_await answer(exchange, std::move(route), {}, std::move(question));
}

Task<void> Reads::answer(Exchange& exchange, Route route, Visitor visitor, Question question) {
    auto& thread = exchange.thread();
    const auto& request = exchange.request();
    const auto control = parse_cache_control(request.headers.get("Cache-Control"));
    // The way to a file is the same for each part of it.
    const bool to_a_file = route.encoded_path.ends_with(".parquet");
    const bool whole = to_a_file || (request.method == "GET" && !request.headers.has("Range"));
    auto kept = control.no_store ? nullptr : answers_.find(thread, question.key);
    if ((control.no_store && !to_a_file) || (!kept && !whole)) {
        co_await pass(exchange, std::move(visitor), std::move(question));
        co_return;
    }
    auto verdict = Verdict::hit;
    std::string warning;
    const auto ttl = std::chrono::duration_cast<seconds>(settings_.listings.ttl);
    if (!kept || control.no_cache ||
        !is_fresh(kept->policy, kept->fields, kept->received_at, unix_now(), ttl)) {
        auto finding = co_await find_out(thread, question, kept);
        if (finding.pass_on) {
            co_await pass(exchange, std::move(visitor), std::move(question));
            co_return;
        }
        if (finding.answer) {
            kept = finding.answer;
            verdict = finding.confirmed         ? Verdict::revalidated
                      : !kept->policy.may_store ? Verdict::bypass
                      : finding.joined          ? Verdict::joined
                                                : Verdict::miss;
        } else if (kept && !finding.refusal && !kept->policy.stale_forbidden) {
            verdict = Verdict::stale;
            warning = finding.no_answer;
        } else {
            auto error = finding.refusal ? *finding.refusal
                         : finding.failure
                             ? *finding.failure
                             : not_cached_offline(route.encoded_path, finding.no_answer);
            co_await send_refusal(exchange, {std::move(error), {}}, true);
            co_return;
        }
    }
    if (kept->file.empty()) {
        co_await send(exchange, route, *kept, verdict, warning);
        co_return;
    }
    co_await serve_file(exchange, kept->file, visitor, question.credential);
}

// Who may read what describes a repo may not, for that, read its files, or another repo's.
Task<void> Reads::serve_file(Exchange& exchange, const std::string& target, const Visitor& visitor,
                             const Credential& asked_with) {
    auto file = parse_route(exchange.request().method, target);
    auto admitted = co_await access_.admit(exchange.thread(), visitor, file);
    if (!admitted) {
        co_await send_refusal(exchange, admitted.error(), false);
        co_return;
    }
    admitted->credential.via = asked_with.via;
    co_await files_.serve(exchange, std::move(file), std::move(*admitted));
}

Task<void> Reads::pass(Exchange& exchange, Visitor visitor, Question question) {
    question.ask.method = exchange.request().method;
    const auto range = exchange.request().headers.get("Range");
    if (!range.empty()) question.ask.headers.set("Range", range);
    auto& thread = exchange.thread();
    const auto how = question.ask.site ? Follow::anywhere : Follow::same_origin;
    auto answer = co_await upstream_.ask(thread, question.ask, question.credential, how);
    const auto file = answer ? file_behind(*answer, question.ask.target) : std::string();
    if (!file.empty()) {
        co_await serve_file(exchange, file, visitor, question.credential);
        co_return;
    }
    const bool leads_away = answer && how == Follow::same_origin &&
                            answer->response.head().headers.has("Location") &&
                            answer->response.status() / 100 == 3;
    if (leads_away) {
        answer =
            co_await upstream_.ask(thread, question.ask, question.credential, Follow::anywhere);
    }
    co_await forward_.relay(exchange, std::move(answer), question.credential.kind,
                            question.with_xet);
}

Task<Reads::Finding> Reads::find_out(IoThread& thread, const Question& question, Kept kept) {
    const auto& site = question.ask.site;
    if (!upstream_.worth_asking(site)) {
        co_return Finding{.no_answer = upstream_.why_not(site)};
    }
    const auto& [scope, target, asker] = question.key;
    const auto& token = question.credential.token;
    // What one token is refused says nothing about another, even where all may share the answer.
    const auto key = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", scope.kind, scope.name, scope.access,
                                 token.empty() ? "" : token.fingerprint(), target,
                                 selection({"accept", "accept-language"}, asker));
    const auto found = co_await questions_.ask(
        thread.tasks(), key,
        [this, &thread, question, kept] { return learn(thread, question, kept); },
        SteadyClock::now() + (kept ? patience_with_stale : patience));
    if (!found) co_return Finding{.no_answer = "the Hub did not answer in time"};
    auto finding = found->value;
    finding.joined = found->joined;
    if (!finding.joined || !finding.answer) co_return finding;
    // Somebody else's answer, which may be his alone.
    const auto names = selecting_fields(finding.answer->fields);
    const bool selects_it = selection(names, asker) == finding.answer->selected;
    if (finding.answer->policy.may_store && selects_it) co_return finding;
    auto own = co_await learn(thread, question, kept);
    co_return own;
}

Task<Reads::Finding> Reads::learn(IoThread& thread, Question question, Kept kept) {
    question.ask.priority = kept ? Priority::revalidation : Priority::foreground;
    if (kept && kept->file.empty()) add_conditions(question.ask.headers, *kept);
    Finding finding;
    for (int attempt = 1; attempt <= attempts_per_question; ++attempt) {
        auto answer =
            co_await upstream_.ask(thread, question.ask, question.credential, Follow::same_origin);
        if (answer) {
            finding = co_await read(std::move(*answer), question, kept);
        } else {
            finding = Finding{.no_answer = answer.error().message};
        }
        const bool limited = finding.failure && finding.failure->status == 429;
        const bool in_vain = limited || !upstream_.worth_asking(question.ask.site);
        if (finding.no_answer.empty() || in_vain) break;
        if (attempt < attempts_per_question) co_await sleep_for(pause_between_attempts);
    }
    if (finding.answer && finding.answer->policy.may_store) {
        co_await answers_.keep(question.key, *finding.answer);
    }
    co_return finding;
}

// An answer of 400 or more that is not passed on in the Hub's own words.
std::optional<Reads::Finding> Reads::refused(const HubAnswer& answer, const Question& question,
                                             const Kept& kept, const CachingPolicy& policy) const {
    const auto& head = answer.response.head();
    const auto get = [&](std::string_view name) { return head.headers.get(name); };
    const auto kind = question.credential.kind;
    auto error = from_hub(head.status, get, kind == Credential::Kind::client);
    const bool same_code = error.code.empty() || error.code == get("X-Error-Code");
    const bool same_meaning = head.status != 429 && error.status == head.status && same_code;
    // A failure that says how long it lasts is a statement, not an accident.
    const bool stated = head.status >= 500 && policy.lifetime_seconds && !kept;
    if (same_meaning || stated) return std::nullopt;
    if (!stale_allowed(error)) return Finding{.refusal = std::move(error)};
    auto why = error.message;
    return Finding{.no_answer = std::move(why), .failure = std::move(error)};
}

Task<Reads::Finding> Reads::read(HubAnswer answer, const Question& question, Kept kept) {
    const auto& head = answer.response.head();
    HeaderFields fields;
    for (const auto& field : head.headers) fields.push_back(field);
    KeptAnswer fresh;
    fresh.status = head.status;
    fresh.fields = kept_fields(fields);
    fresh.received_at = unix_now();
    // Of another hubkeep in the place of the Hub; the Hub's own is advice for its own users.
    const auto warning = head.headers.get("X-HF-Warning");
    if (warning.starts_with("hubkeep;")) fresh.fields.emplace_back("X-HF-Warning", warning);
    const bool confirmed = kept && head.status == 304;
    if (confirmed) {
        const auto received_at = fresh.received_at;
        auto stored = kept->fields;
        std::erase_if(stored,
                      [](const auto& field) { return lower_case(field.first) == "x-hf-warning"; });
        auto updated = updated_by(stored, fresh.fields);
        fresh = *kept;
        fresh.fields = std::move(updated);
        fresh.received_at = received_at;
    }
    fresh.policy = caching_policy(fresh.status, fresh.fields, fresh.received_at);
    fresh.selected = selection(selecting_fields(fresh.fields), question.key.asker);
    if (confirmed) {
        co_return Finding{.answer = std::make_shared<const KeptAnswer>(std::move(fresh)),
                          .confirmed = true};
    }
    if (head.status >= 400) {
        auto finding = refused(answer, question, kept, fresh.policy);
        if (finding) co_return *finding;
    }
    fresh.file = file_behind(answer, question.ask.target);
    if (!fresh.file.empty() && head.status < 400) {
        fresh.fields.clear();
        fresh.selected.clear();
        fresh.policy = {.may_store = true};
        co_return Finding{.answer = std::make_shared<const KeptAnswer>(std::move(fresh))};
    }
    auto finding = co_await read_body(std::move(answer), question, std::move(fresh));
    co_return finding;
}

Task<Reads::Finding> Reads::read_body(HubAnswer answer, const Question& question,
                                      KeptAnswer fresh) {
    const auto type = joined_field(fresh.fields, "content-type");
    const auto& headers = answer.response.head().headers;
    const bool leads_away = fresh.status >= 300 && fresh.status < 400 && headers.has("Location");
    const bool endless = type.starts_with("text/event-stream");
    const auto length = answer.response.length();
    if (endless || leads_away || (length && *length > kept_limit_bytes)) {
        co_return Finding{.pass_on = true};
    }
    if (fresh.status == 200 && type.starts_with("text/html")) {
        co_return Finding{.no_answer = "something between here and the Hub answered in its place"};
    }
    if (!question.ask.site) {
        if (const auto next = next_link(headers.get("Link"))) {
            fresh.next = target_of_url(*next, answer.origin.url()).value_or("");
        }
    }
    auto body = co_await answer.response.read_all(kept_limit_bytes);
    if (!body) {
        if (body.error().kind == ErrorKind::limited) co_return Finding{.pass_on = true};
        co_return Finding{.no_answer = body.error().message};
    }
    const bool is_json = type.find("json") != std::string::npos;
    if (is_json && fresh.status < 400) {
        const auto checked = check_json(*body);
        if (!checked) co_return Finding{.no_answer = checked.error().message};
    }
    fresh.body = std::move(*body);
    co_return Finding{.answer = std::make_shared<const KeptAnswer>(std::move(fresh))};
}

}  // namespace hubkeep
