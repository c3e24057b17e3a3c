#include "server/proxy/resolve.hpp"

#include <fmt/format.h>

#include "server/hub/route.hpp"

namespace hubkeep {
namespace {

// Clients give a HEAD 10 s; ours must end before, with a sentence.
constexpr auto patience = seconds(8);
// With something to serve, nobody waits long for a Hub that hangs.
constexpr auto patience_with_stale = seconds(2);
constexpr int attempts_per_question = 2;
constexpr auto pause_between_attempts = milliseconds(150);
constexpr std::size_t max_untold = 10'000;

std::string entry_key(const Scope& scope, const std::string& commit, const std::string& path) {
    return fmt::format("{}\n{}\n{}\n{}\n{}", scope.kind, scope.name, scope.access, commit, path);
}

}  // namespace

Task<Resolver::Lesson> Resolver::record(const HubAnswer& answer, const ResolveRequest& request,
                                        const Scope& scope) {
    const auto& final = answer.response.head();
    const auto get = [&](std::string_view name) -> std::string_view {
        if (final.headers.has(name)) return final.headers.get(name);
        // The commit may stand only on the first hop; lengths and ETags of hops are their own.
        if (!iequals(name, "X-Repo-Commit")) return {};
        for (const auto& hop : answer.redirects) {
            if (hop.headers.has(name)) return hop.headers.get(name);
        }
        return {};
    };
    const auto route = parse_route("HEAD", answer.hub_target);
    if (is_valid_repo_name(route.repo.name)) {
        aliases_.learn(request.repo, request.caller.access, route.repo.name);
    }
    Scope canonical = scope;
    if (!route.repo.name.empty()) canonical.name = route.repo.name;

    Lesson lesson;
    EntryRow entry{.opened = true};
    if (final.status >= 400) {
        const auto kind = request.caller.credential.kind;
        auto error = from_hub(final.status, get, kind == Credential::Kind::client);
        const auto commit = get("X-Repo-Commit");
        if (error.code != "EntryNotFound" || !is_commit(commit)) {
            if (stale_allowed(error)) {
                lesson.no_answer = error.message;
                lesson.failure = std::move(error);
            } else {
                lesson.refusal = std::move(error);
            }
            co_return lesson;
        }
        entry.kind = EntryKind::absent;
        lesson.commit = commit;
    } else {
        const auto metadata = read_metadata(final.status, get);
        if (!metadata) {
            lesson.no_answer = metadata.error().message;
            co_return lesson;
        }
        entry.blob = metadata->blob;
        entry.size = metadata->size;
        entry.xet_hash = metadata->xet_hash;
        // Mirrors leave it out, some of them.
        entry.xet_told = answer.origin == upstream_.hub();
        lesson.commit = metadata->commit;
        if (!is_told(entry)) leave_untold(canonical, lesson.commit, request.path);
    }
    if (answer.led_to && answer.origin == upstream_.hub()) {
        const RepoId repo{request.repo.kind, canonical.name};
        const auto target = resolve_target(repo, lesson.commit, request.path);
        leads_.learn(target, request.caller.credential, *answer.led_to, unix_now());
    }
    lesson.path = request.path;
    lesson.entry = entry;
    lesson.entry_commit = lesson.commit;
    lesson.warning = answer.warning;
    if (!is_commit(request.revision)) {
        lesson.commit = lesson.warning.empty()
                            ? revisions_.confirmed(canonical, request.revision, lesson.entry_commit)
                            : revisions_.heard(canonical, request.revision, lesson.entry_commit);
    }
    // A full disk keeps nobody from the answer; the index has told the log.
    PutEntries put{canonical, lesson.entry_commit, {}, unix_now()};
    if (entry.absent()) put.entries.push_back({request.path, std::move(entry)});
    else put.entries = with_folders(request.path, std::move(entry));
    co_await index_.write({std::move(put)});
    co_return lesson;
}

Task<Resolver::Lesson> Resolver::ask_hub(IoThread& thread, const ResolveRequest& request,
                                         const Scope& scope) {
    HubRequest head;
    head.method = "HEAD";
    // A moving revision is asked for as the client did: the name may have got another meaning.
    const bool moves = !is_commit(request.revision);
    const RepoId repo{request.repo.kind, moves ? request.repo.name : scope.name};
    head.target = resolve_target(repo, request.revision, request.path);
    head.priority = request.priority;
    auto answer = co_await upstream_.ask(thread, std::move(head), request.caller.credential,
                                         Follow::same_origin);
    if (!answer) co_return Lesson{.no_answer = answer.error().message};
    auto lesson = co_await record(*answer, request, scope);
    co_return lesson;
}

// What another asker's question has taught between this asker's look and its turn.
std::optional<Resolver::Lesson> Resolver::learnt(IoThread& thread, const ResolveRequest& request,
                                                 const Scope& scope) {
    if (is_commit(request.revision)) {
        const auto row = kept(thread, request, scope, request.revision);
        if (!row || !suffices(*row, scope, request.revision, request.path)) return std::nullopt;
        return Lesson{.commit = request.revision,
                      .path = request.path,
                      .entry_commit = request.revision,
                      .entry = *row};
    }
    const auto known = revisions_.known(scope, request.revision, index_.reader(thread.number()));
    if (!known || !known->fresh) return std::nullopt;
    return Lesson{.commit = known->commit};
}

Task<Resolver::Lesson> Resolver::learn(IoThread& thread, ResolveRequest request, Scope scope) {
    if (auto lesson = learnt(thread, request, scope)) co_return std::move(*lesson);
    constexpr auto about = Refusals::About::files;
    const auto& credential = request.caller.credential;
    Lesson lesson;
    lesson.refusal = refusals_.recall(scope, credential, about, request.revision);
    if (lesson.refusal) co_return lesson;
    for (int attempt = 1; attempt <= attempts_per_question; ++attempt) {
        lesson = co_await ask_hub(thread, request, scope);
        const bool limited = lesson.failure && lesson.failure->status == 429;
        if (lesson.no_answer.empty() || limited || !upstream_.worth_asking()) break;
        if (attempt < attempts_per_question) co_await sleep_for(pause_between_attempts);
    }
    if (lesson.refusal) {
        refusals_.remember(scope, credential, about, request.revision, *lesson.refusal);
        // What the Hub has taken away must not live on as "stale" when it cannot be asked.
        const bool moves = !is_commit(request.revision);
        if (moves && takes_away(*lesson.refusal)) revisions_.gone(scope, request.revision);
    }
    co_return lesson;
}

// Those who ask for one revision at once share one question, whatever their paths and tokens. What
// one of them is refused may be for his alone (a missing file without a commit, a bad token), so
// the others then ask for themselves.
Task<Resolver::Asked> Resolver::ask_together(IoThread& thread, std::string key,
                                             ResolveRequest request, Scope scope,
                                             SteadyClock::duration time) {
    Asked asked;
    const auto& token = request.caller.credential.token;
    for (int turn = 0; turn < 2; ++turn) {
        const auto answer = co_await lessons_.ask(
            thread.tasks(), key,
            [this, &thread, request, scope] { return learn(thread, request, scope); },
            SteadyClock::now() + time);
        asked.joined = answer && answer->joined;
        asked.lesson =
            answer ? answer->value : Lesson{.no_answer = "the Hub did not answer in time"};
        if (!asked.joined || !asked.lesson.refusal) break;
        key += '\n' + request.path + '\n' + (token.empty() ? "" : token.fingerprint());
    }
    co_return asked;
}

std::optional<EntryRow> Resolver::kept(IoThread& thread, const ResolveRequest& request,
                                       const Scope& scope, const std::string& commit) {
    if (request.doubted) return std::nullopt;
    return trees_.file(index_.reader(thread.number()), scope, commit, request.path);
}

// What tells of large files without their Xet hash: descriptions of repos, mirrors, and an index
// from before Xet was served. Many clients cannot read the largest files without it.
bool Resolver::is_told(const EntryRow& row) {
    const bool is_large = row.blob && row.blob->kind == DigestKind::sha256;
    return !is_large || row.xet_told || !row.xet_hash.empty();
}

void Resolver::leave_untold(const Scope& scope, const std::string& commit,
                            const std::string& path) {
    const std::lock_guard lock(untold_mutex_);
    if (untold_.size() >= max_untold) untold_.clear();
    untold_.insert(entry_key(scope, commit, path));
}

bool Resolver::suffices(const EntryRow& row, const Scope& scope, const std::string& commit,
                        const std::string& path) {
    if (is_told(row)) return true;
    const std::lock_guard lock(untold_mutex_);
    return untold_.contains(entry_key(scope, commit, path));
}

Outcome<Resolution> Resolver::outcome_of(const EntryRow& row, const RepoId& repo,
                                         std::string commit, Verdict verdict, std::string warning) {
    if (row.absent() || !row.blob) return refuse(entry_not_found(), std::move(commit));
    FileMetadata file{std::move(commit), *row.blob, row.size, row.xet_hash};
    return Resolution{repo, std::move(file), verdict, std::move(warning)};
}

Task<Outcome<Resolution>> Resolver::entry_at(IoThread& thread, const ResolveRequest& request,
                                             const Scope& scope, std::string commit,
                                             Verdict verdict, std::string warning) {
    const RepoId repo{request.repo.kind, scope.name};
    const auto known = kept(thread, request, scope, commit);
    const bool may_ask = upstream_.worth_asking();
    if (known && (!may_ask || suffices(*known, scope, commit, request.path))) {
        co_return outcome_of(*known, repo, std::move(commit), verdict, std::move(warning));
    }
    const auto what = fmt::format("{} of {} at {}", request.path, scope.name, commit.substr(0, 12));
    if (!may_ask) co_return refuse(not_cached_offline(what, upstream_.why_not()));
    ResolveRequest at_commit = request;
    at_commit.revision = commit;
    at_commit.priority = Priority::foreground;
    const auto key = entry_key(scope, commit, request.path);
    const auto answer = co_await ask_together(thread, key, at_commit, scope, patience);
    const Lesson& lesson = answer.lesson;
    if (lesson.refusal) co_return refuse(*lesson.refusal);
    if (known && !lesson.no_answer.empty()) {
        co_return outcome_of(*known, repo, std::move(commit), verdict, std::move(warning));
    }
    if (lesson.failure) co_return refuse(*lesson.failure);
    if (!lesson.no_answer.empty()) co_return refuse(not_cached_offline(what, lesson.no_answer));
    // A rename may have been learnt on the way.
    const auto now =
        aliases_.scope_of(request.repo, request.caller.access, index_.reader(thread.number()));
    const auto asked = answer.joined ? Verdict::joined : Verdict::miss;
    const RepoId renamed{request.repo.kind, now.name};
    at_commit.doubted = false;
    auto row = kept(thread, at_commit, now, lesson.commit);
    const bool is_it = lesson.path == request.path && lesson.entry_commit == lesson.commit;
    if (!row && is_it) row = lesson.entry;
    if (row) co_return outcome_of(*row, renamed, lesson.commit, asked, std::move(warning));
    co_return refuse(upstream_failed("the Hub answered for another commit than was asked for"));
}

std::optional<Outcome<Resolution>> Resolver::resolve_now(IoThread& thread,
                                                         const ResolveRequest& request) {
    auto& reader = index_.reader(thread.number());
    const auto alias_mark = aliases_.mark(request.repo);
    const auto scope = aliases_.scope_of(request.repo, request.caller.access, reader);
    StaysTrue stays_true(alias_mark, index_.mark(scope));
    auto commit = request.revision;
    if (!is_commit(commit)) {
        const auto revision_mark = revisions_.mark(scope.name);
        auto known = revisions_.known(scope, request.revision, reader);
        if (!known || !known->fresh) return std::nullopt;
        stays_true.while_fresh(revision_mark, known->pinned ? 0 : known->confirmed_at,
                               known->fresh_until);
        commit = std::move(known->commit);
    }
    const auto row = kept(thread, request, scope, commit);
    if (!row || !suffices(*row, scope, commit, request.path)) return std::nullopt;
    const RepoId repo{request.repo.kind, scope.name};
    auto outcome = outcome_of(*row, repo, std::move(commit), Verdict::hit, {});
    if (outcome) outcome->stays_true = stays_true;
    return outcome;
}

Task<Outcome<Resolution>> Resolver::resolve(IoThread& thread, ResolveRequest request) {
    if (auto known = resolve_now(thread, request)) co_return *std::move(known);
    auto& reader = index_.reader(thread.number());
    auto scope = aliases_.scope_of(request.repo, request.caller.access, reader);
    if (is_commit(request.revision)) {
        auto outcome =
            co_await entry_at(thread, request, scope, request.revision, Verdict::hit, {});
        co_return outcome;
    }
    auto known = revisions_.known(scope, request.revision, reader);
    if (known && known->fresh) {
        auto outcome = co_await entry_at(thread, request, scope, known->commit, Verdict::hit, {});
        const bool lost = !outcome && outcome.error().error.code == "RevisionNotFound";
        if (!lost || known->pinned) co_return outcome;
        // The commit is gone, so the branch was moved by force: what was known of it is worthless.
        revisions_.gone(scope, request.revision);
        known.reset();
        request.doubted = false;
    }
    const auto what = fmt::format("{} of {} at {}", request.path, scope.name, request.revision);
    request.priority = known ? Priority::revalidation : Priority::foreground;
    Lesson lesson;
    bool joined = false;
    if (!upstream_.worth_asking()) {
        lesson.no_answer = upstream_.why_not();
    } else {
        const auto key = fmt::format("{}\n{}\n{}\n{}\n{}", scope.kind, request.repo.name,
                                     scope.name, scope.access, request.revision);
        auto answer = co_await ask_together(thread, key, request, scope,
                                            known ? patience_with_stale : patience);
        lesson = std::move(answer.lesson);
        joined = answer.joined;
    }
    if (lesson.refusal) co_return refuse(*lesson.refusal);
    if (!lesson.no_answer.empty()) {
        if (!known && lesson.failure) co_return refuse(*lesson.failure);
        if (!known) co_return refuse(not_cached_offline(what, lesson.no_answer));
        auto outcome = co_await entry_at(thread, request, scope, known->commit, Verdict::stale,
                                         lesson.no_answer);
        co_return outcome;
    }
    request.doubted = false;
    scope = aliases_.scope_of(request.repo, request.caller.access, reader);
    const auto verdict = !lesson.warning.empty() ? Verdict::stale
                         : known                 ? Verdict::revalidated
                         : joined                ? Verdict::joined
                                                 : Verdict::miss;
    auto outcome =
        co_await entry_at(thread, request, scope, lesson.commit, verdict, lesson.warning);
    co_return outcome;
}

}  // namespace hubkeep
