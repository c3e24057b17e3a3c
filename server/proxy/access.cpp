#include "server/proxy/access.hpp"

#include <algorithm>
#include <iterator>

#include "server/proxy/access_words.hpp"
#include "server/proxy/patterns.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view service_group = "service";

bool is_file(const Route& route) {
    return route.kind == Route::Kind::resolve || route.kind == Route::Kind::raw ||
           route.kind == Route::Kind::resolve_cache;
}

// A page in somebody's browser can read what we answer, since any origin may; it is not its user.
bool is_page_of_nobody(const Visitor& visitor) {
    return visitor.from_web_page && visitor.by == Visitor::By::address && visitor.hub_token.empty();
}

bool has_wildcard(const std::string& pattern) {
    return pattern.find_first_of("*?") != std::string::npos;
}

}  // namespace

std::string_view name_of(Access::Reason reason) {
    switch (reason) {
        case Access::Reason::key: return "key";
        case Access::Reason::policy: return "policy";
        case Access::Reason::sharing: return "sharing";
        case Access::Reason::proof: return "proof";
        case Access::Reason::unproven_offline: return "unproven_offline";
    }
    return "";
}

Access::Access(Upstream& upstream, Index& index, Aliases& aliases, Revisions& revisions,
               const Settings& settings)
    : upstream_(upstream),
      index_(index),
      aliases_(aliases),
      revisions_(revisions),
      standings_(upstream, index),
      proofs_(upstream, index) {
    replace(settings);
}

void Access::replace(const Settings& settings) {
    auto rules = std::make_shared<Rules>();
    rules->access = settings.access;
    rules->policy = settings.policy;
    const auto names_repos = [](const auto& rule) { return !rule.repos.empty(); };
    rules->name_repos = std::ranges::any_of(settings.policy.rules, names_repos) ||
                        std::ranges::any_of(settings.access.rules, names_repos);
    for (const auto& rule : settings.policy.rules) {
        for (const auto& pattern : rule.revisions) {
            if (has_wildcard(pattern)) rules->revision_globs = true;
            else rules->revision_names.insert(Revisions::plain(pattern));
        }
    }
    rules->all_shared = settings.access.sharing == Sharing::shared &&
                        std::ranges::all_of(settings.access.rules, [](const AccessRule& rule) {
                            return rule.sharing == Sharing::shared;
                        });
    const std::lock_guard lock(mutex_);
    rules_ = std::move(rules);
}

std::shared_ptr<const Access::Rules> Access::rules() const {
    const std::lock_guard lock(mutex_);
    return rules_;
}

std::array<std::uint64_t, Access::reasons> Access::refusals() const {
    std::array<std::uint64_t, reasons> counts{};
    for (std::size_t i = 0; i < reasons; ++i) counts[i] = refusals_[i].load();
    return counts;
}

std::unexpected<Refusal> Access::refuse_for(Reason reason, HubError error, std::string rule) {
    refusals_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
    return std::unexpected(Refusal{std::move(error), {}, std::move(rule)});
}

Caller Access::for_operator(const RepoId& repo) const {
    auto own = upstream_.service_credential(repo);
    if (own.kind != Credential::Kind::service) return {};
    return {std::move(own), std::string(service_group)};
}

Caller Access::admit_alone(const Visitor& visitor) const {
    // Of a key that is for some repos, answers about all of them would tell of the others.
    const bool is_one_of_us =
        rules()->all_shared && visitor.repos.empty() && !is_page_of_nobody(visitor);
    auto own = upstream_.service_credential();
    if (is_one_of_us && own.kind == Credential::Kind::service) {
        return {std::move(own), std::string(service_group)};
    }
    return own_caller(visitor);
}

Caller Access::own_caller(const Visitor& visitor) {
    if (visitor.hub_token.empty()) return {};
    return {{Credential::Kind::client, visitor.hub_token, false}, visitor.hub_token.fingerprint()};
}

// What an open repo told is for everybody, whoever asked for it.
Caller Access::own_caller(const Visitor& visitor, bool is_open) {
    auto caller = own_caller(visitor);
    if (caller.credential.token.empty()) return caller;
    if (is_open) caller.access.clear();
    caller.credential.shared = is_open;
    return caller;
}

Task<Caller> Access::shared_caller(IoThread& thread, const Visitor& visitor, RepoId repo,
                                   Caller ours) {
    if (ours.credential.kind == Credential::Kind::service) co_return ours;
    if (visitor.hub_token.empty()) co_return Caller();
    const auto standing = co_await standings_.of(thread, repo, {});
    co_return own_caller(visitor, standing && standing->visibility == Visibility::open);
}

std::vector<std::string> Access::names_of(IoThread& thread, const Rules& rules,
                                          const Visitor& visitor, const RepoId& repo,
                                          const std::string& revision) {
    if (!rules.revision_globs && rules.revision_names.empty()) return {};
    if (!is_commit(revision)) return {Revisions::plain(revision)};
    auto& reader = index_.reader(thread.number());
    std::vector<std::string> names;
    std::set<std::string> groups{std::string(service_group), ""};
    if (!visitor.hub_token.empty()) groups.insert(visitor.hub_token.fingerprint());
    for (const auto& group : groups) {
        const auto scope = aliases_.scope_of(repo, group, reader);
        if (rules.revision_globs) {
            std::ranges::move(revisions_.names_at(scope, revision, reader),
                              std::back_inserter(names));
        }
        for (const auto& name : rules.revision_names) {
            const auto known = revisions_.known(scope, name, reader);
            if (known && known->commit == revision) names.push_back(name);
        }
    }
    return names;
}

Task<Outcome<Asked>> Access::asked_for(IoThread& thread, const Rules& rules, const Visitor& visitor,
                                       const Route& route) {
    Asked asked{route.repo, route.repo, std::nullopt, {}};
    if (is_file(route)) asked.path = route.path;
    if (rules.name_repos || !visitor.repos.empty()) {
        const auto caller = for_operator(route.repo);
        const auto standing = co_await standings_.of(thread, route.repo, caller.credential);
        if (standing) asked.canonical = standing->canonical;
        // Of a private repo only those know who may see it.
        auto& reader = index_.reader(thread.number());
        for (const auto& group : {caller.access, own_caller(visitor).access}) {
            if (asked.canonical != asked.repo) break;
            asked.canonical.name = aliases_.scope_of(route.repo, group, reader).name;
        }
        // Rules about names cannot be kept while nobody tells the name.
        const bool is_nameless = !standing && asked.canonical == asked.repo;
        if (is_nameless && upstream_.worth_asking()) {
            const auto why = "the Hub did not tell which repository it is";
            co_return refuse_for(Reason::unproven_offline, words::unchecked(asked, why), {});
        }
    }
    const bool has_revision = asked.path || route.revision_given;
    if (has_revision) {
        asked.revisions = names_of(thread, rules, visitor, route.repo, route.revision);
    }
    co_return asked;
}

// To a repo that is not public, or of which that is not known.
Task<Outcome<Caller>> Access::admit_to_closed(IoThread& thread, const Visitor& visitor,
                                              const Route& route, const Closed& closed) {
    const auto& [asked, sharing, standing, rules] = closed;
    const auto& contact = rules->access.contact;
    const bool is_gated = standing && standing->visibility == Visibility::gated;
    const bool has_token = !visitor.hub_token.empty();
    if (!standing && (sharing.sharing == Sharing::deny || !has_token)) {
        co_return refuse_for(Reason::unproven_offline, words::unchecked(asked, upstream_.why_not()),
                             sharing.rule);
    }
    if (sharing.sharing == Sharing::deny) {
        co_return refuse_for(Reason::sharing, words::not_shared(asked, sharing, is_gated, contact),
                             sharing.rule);
    }
    Proofs::Finding finding;
    if (has_token) {
        ProofRequest request{standing ? standing->canonical : asked.canonical, visitor.hub_token,
                             route.revision, asked.path.value_or("")};
        const auto& access = rules->access;
        finding = co_await proofs_.prove(
            thread, std::move(request),
            {access.verify_ttl, access.verify_grace, access.verify_negative_ttl});
        // What the service token has not seen it cannot transfer.
        const bool is_hidden =
            standing && standing->visibility == Visibility::closed && !standing->seen;
        auto ours = for_operator(route.repo);
        const bool can_be_ours = ours.credential.kind == Credential::Kind::service && !is_hidden;
        if (finding.proven && can_be_ours) co_return ours;
    }
    // The Hub itself describes a gated repo to everybody.
    const bool wants_files = is_file(route) || route.kind == Route::Kind::xet_token ||
                             route.kind == Route::Kind::auth_check;
    if (finding.proven || (is_gated && !wants_files)) co_return own_caller(visitor);
    const bool is_unknown = has_token && !finding.refusal;
    if (is_unknown) {
        co_return refuse_for(Reason::unproven_offline, words::unchecked(asked, finding.no_answer),
                             sharing.rule);
    }
    auto error = has_token ? words::by_hub(asked, sharing, is_gated, *finding.refusal, contact)
                           : words::no_token(asked, sharing, is_gated, contact);
    co_return refuse_for(Reason::proof, std::move(error), sharing.rule);
}

// Where no rule speaks of anybody, and the repo is known to be open wherever that matters.
std::optional<Caller> Access::admit_now(IoThread& thread, const Visitor& visitor,
                                        const Route& route) {
    const auto rules = this->rules();
    const bool has_rules =
        !rules->policy.rules.empty() || !rules->access.rules.empty() || !visitor.repos.empty();
    if (has_rules) return std::nullopt;
    auto ours = for_operator(route.repo);
    const bool is_ours = ours.credential.kind == Credential::Kind::service;
    const bool is_shared =
        rules->access.sharing == Sharing::shared && !(is_ours && is_page_of_nobody(visitor));
    if (is_shared && is_ours) return ours;
    if (is_shared && visitor.hub_token.empty()) return Caller();
    const auto standing = standings_.known(thread, route.repo);
    const bool is_open = standing && standing->visibility == Visibility::open;
    if (!is_open) return std::nullopt;
    return is_ours ? std::move(ours) : own_caller(visitor, true);
}

Task<Outcome<Caller>> Access::admit(IoThread& thread, const Visitor& visitor, const Route& route) {
    if (auto caller = admit_now(thread, visitor, route)) co_return *std::move(caller);
    const auto rules = this->rules();
    const auto& contact = rules->access.contact;
    const auto known = co_await asked_for(thread, *rules, visitor, route);
    if (!known) co_return std::unexpected(known.error());
    const auto& asked = *known;
    if (!repo_matches(visitor.repos, asked.canonical)) {
        co_return refuse_for(Reason::key, words::by_key(asked, visitor, contact), {});
    }
    const auto ruling = ruling_of(rules->policy, asked, visitor);
    if (ruling.denied) {
        co_return refuse_for(Reason::policy, words::by_policy(asked, ruling, contact), ruling.rule);
    }
    auto sharing = sharing_of(rules->access, asked, visitor);
    auto ours = for_operator(route.repo);
    const bool has_service_token = ours.credential.kind == Credential::Kind::service;
    if (sharing.sharing == Sharing::shared && has_service_token && is_page_of_nobody(visitor)) {
        sharing.sharing = Sharing::verify;
    }
    if (sharing.sharing != Sharing::shared) {
        auto standing = co_await standings_.of(thread, route.repo, ours.credential);
        const bool is_open = standing && standing->visibility == Visibility::open;
        if (!is_open) {
            const Closed closed{asked, std::move(sharing), std::move(standing), rules};
            auto admitted = co_await admit_to_closed(thread, visitor, route, closed);
            co_return admitted;
        }
    }
    auto caller = co_await shared_caller(thread, visitor, route.repo, std::move(ours));
    co_return caller;
}

Task<Access::Explanation> Access::explain(IoThread& thread, const Visitor& visitor,
                                          const Route& route) {
    const auto rules = this->rules();
    Explanation told;
    told.has_service_token = upstream_.has_service_token(route.repo);
    const auto credential = for_operator(route.repo).credential;
    const auto standing = co_await standings_.of(thread, route.repo, credential);
    if (standing) told.visibility = standing->visibility;
    auto asked = co_await asked_for(thread, *rules, visitor, route);
    told.asked = asked ? std::move(*asked) : Asked{route.repo, route.repo, std::nullopt, {}};
    if (standing && standing->seen) told.asked.canonical = standing->canonical;
    told.key_excludes = !repo_matches(visitor.repos, told.asked.canonical);
    told.policy = ruling_of(rules->policy, told.asked, visitor);
    told.sharing = sharing_of(rules->access, told.asked, visitor);
    co_return told;
}

}  // namespace hubkeep
