#include "server/proxy/proofs.hpp"

#include <algorithm>

#include "server/hub/targets.hpp"
#include "server/proxy/revisions.hpp"

namespace hubkeep {
namespace {

// A HEAD of a client waits 10 s in all, and the file itself has still to be found.
constexpr auto patience = seconds(5);
constexpr auto patience_with_proof = seconds(2);
constexpr std::size_t max_remembered = 100'000;

std::string key_of(const RepoId& repo, const std::string& who) {
    return std::string(name_of(repo.kind)) + '\n' + repo.name + '\n' + who;
}

bool speaks_of_access(const HubError& error) {
    return error.status == 401 || (takes_away(error) && error.code != "RevisionNotFound");
}

bool holds(std::int64_t since, std::chrono::milliseconds time) {
    const auto now = unix_now();
    return now < since + std::chrono::ceil<seconds>(time).count();
}

}  // namespace

Proofs::Row Proofs::recall(IoThread& thread, const RepoId& repo, const std::string& who) {
    const auto key = key_of(repo, who);
    {
        const std::lock_guard lock(mutex_);
        const auto found = rows_.find(key);
        if (found != rows_.end()) return found->second;
    }
    const auto at =
        index_.reader(thread.number()).proof(name_of(repo.kind), repo.name, who).value_or(0);
    const std::lock_guard lock(mutex_);
    if (rows_.size() >= max_remembered) rows_.clear();
    // Another thread may have learnt something newer meanwhile.
    return rows_.emplace(key, Row{.granted_at = at}).first->second;
}

void Proofs::remember(const RepoId& repo, const std::string& who, const Lesson& lesson,
                      const ProofTimes& times) {
    const auto now = unix_now();
    const auto kind = std::string(name_of(repo.kind));
    {
        const std::lock_guard lock(mutex_);
        if (rows_.size() >= max_remembered) rows_.clear();
        rows_[key_of(repo, who)] = *lesson.granted
                                       ? Row{.granted_at = now}
                                       : Row{.refusal = lesson.refusal, .refused_at = now};
    }
    if (*lesson.granted) {
        const auto longest = std::chrono::ceil<seconds>(std::max(times.ttl, times.grace));
        index_.post({PutProof{kind, repo.name, who, now, now - longest.count()}});
    } else {
        index_.post({DropProof{kind, repo.name, who}});
    }
}

Task<Proofs::Finding> Proofs::prove(IoThread& thread, ProofRequest request, ProofTimes times) {
    const auto who = request.token.fingerprint();
    const auto row = recall(thread, request.repo, who);
    if (row.granted_at != 0 && holds(row.granted_at, times.ttl)) {
        co_return Finding{.proven = true};
    }
    if (row.refusal && holds(row.refused_at, times.negative_ttl)) {
        co_return Finding{.refusal = row.refusal};
    }
    const bool in_grace = row.granted_at != 0 && holds(row.granted_at, times.grace);
    Lesson lesson;
    if (upstream_.worth_asking()) {
        const auto answer = co_await questions_.ask(
            thread.tasks(), key_of(request.repo, who),
            [this, &thread, request, who, times]() -> Task<Lesson> {
                auto learnt = co_await learn(thread, request);
                if (learnt.granted) remember(request.repo, who, learnt, times);
                co_return learnt;
            },
            SteadyClock::now() + (in_grace ? patience_with_proof : patience));
        lesson = answer ? answer->value : Lesson{.why = "the Hub did not answer in time"};
    } else {
        lesson.why = upstream_.why_not();
    }
    if (lesson.granted) {
        if (*lesson.granted) co_return Finding{.proven = true};
        co_return Finding{.refusal = lesson.refusal};
    }
    // Who uses up his quota must not make his proof last.
    if (lesson.limited) co_return Finding{.refusal = lesson.refusal};
    if (in_grace) co_return Finding{.proven = true};
    co_return Finding{.no_answer = lesson.why};
}

// A file that is not there proves nothing either way, nor does any other trouble with just that
// file; then the Hub is asked in so many words.
Task<Proofs::Lesson> Proofs::learn(IoThread& thread, ProofRequest request) {
    const bool any = request.path.empty();
    const auto file = resolve_target(request.repo, any ? "main" : request.revision,
                                     any ? std::string(usual_file) : request.path);
    auto lesson = co_await look(thread, request, file);
    const bool is_refused = lesson.granted && !*lesson.granted;
    if (!is_refused || speaks_of_access(lesson.refusal)) co_return lesson;
    lesson = co_await look(thread, request, auth_check_target(request.repo));
    co_return lesson;
}

Task<Proofs::Lesson> Proofs::look(IoThread& thread, ProofRequest request, std::string target) {
    const bool is_file = !target.starts_with("/api/");
    HubRequest question;
    question.method = is_file ? "HEAD" : "GET";
    question.target = std::move(target);
    question.patience = patience_with_proof;
    question.mirrors_may_answer = false;
    const Credential credential{Credential::Kind::client, request.token, false};
    auto answer =
        co_await upstream_.ask(thread, std::move(question), credential, Follow::same_origin);
    if (!answer) co_return Lesson{.why = answer.error().message};
    const auto status = answer->response.status();
    const auto get = [&](std::string_view name) {
        return answer->response.head().headers.get(name);
    };
    if (status < 400) {
        // Something on the way may answer in the Hub's place.
        const auto names_commit = [](const ResponseHead& head) {
            return head.headers.has("X-Repo-Commit");
        };
        const bool of_a_file = names_commit(answer->response.head()) ||
                               std::ranges::any_of(answer->redirects, names_commit);
        const bool of_a_check = status == 200 && !get("Content-Type").starts_with("text/html");
        if (is_file ? of_a_file : of_a_check) co_return Lesson{.granted = true};
        co_return Lesson{.why = "something answered in the Hub's place"};
    }
    auto error = from_hub(status, get, true);
    if (status == 429) co_return Lesson{.refusal = error, .why = error.message, .limited = true};
    if (stale_allowed(error)) co_return Lesson{.why = error.message};
    co_return Lesson{.granted = false, .refusal = std::move(error)};
}

}  // namespace hubkeep
