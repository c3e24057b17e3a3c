#include "server/proxy/access_words.hpp"

#include <fmt/format.h>

namespace hubkeep::words {
namespace {

std::string sentences(std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const auto part : parts) {
        if (part.empty()) continue;
        if (!text.empty()) text += ' ';
        text += part;
    }
    return text;
}

std::string what_of(const Asked& asked) {
    const auto repo = path_of(asked.repo);
    return asked.path && !asked.path->empty() ? fmt::format("{} of {}", *asked.path, repo) : repo;
}

// Nobody can tell a private repo from one that is not there.
HubError not_found_here(std::string_view why) {
    auto error = repo_not_found();
    error.message = clean_message(why);
    return error;
}

}  // namespace

std::string by_rule(const std::string& rule) {
    return rule.empty() ? std::string() : fmt::format(" (rule \"{}\")", rule);
}

HubError by_policy(const Asked& asked, const Ruling& ruling, const std::string& contact) {
    const auto what = fmt::format("{} is refused by the rule \"{}\" of this hubkeep.",
                                  what_of(asked), ruling.rule);
    return gated(403, sentences({what, ruling.message, contact}));
}

HubError by_key(const Asked& asked, const Visitor& visitor, const std::string& contact) {
    const auto what = fmt::format("The key \"{}\" of this hubkeep is not for {}.", visitor.name,
                                  path_of(asked.repo));
    return gated(403, sentences({what, contact}));
}

HubError not_shared(const Asked& asked, const SharingRuling& ruling, bool is_gated,
                    const std::string& contact) {
    const auto only =
        fmt::format("this hubkeep hands out public repositories only{}.", by_rule(ruling.rule));
    const auto repo = path_of(asked.repo);
    if (is_gated) {
        const auto what = fmt::format("{} is gated at the Hub, and {}", repo, only);
        return gated(403, sentences({what, ruling.message, contact}));
    }
    const auto what = fmt::format("{} was not found, or is private, and {}", repo, only);
    return not_found_here(sentences({what, ruling.message, contact}));
}

HubError no_token(const Asked& asked, const SharingRuling& ruling, bool is_gated,
                  const std::string& contact) {
    const auto repo = path_of(asked.repo);
    if (is_gated) {
        const auto what = fmt::format(
            "{} is gated: send a Hub token of your own that has access to it (HF_TOKEN); this "
            "hubkeep checks it with the Hub{}.",
            repo, by_rule(ruling.rule));
        return gated(401, sentences({what, ruling.message, contact}));
    }
    const auto what = fmt::format(
        "{} was not found. If it is private, send a Hub token of your own that may read it "
        "(HF_TOKEN).",
        repo);
    return not_found_here(sentences({what, contact}));
}

// In the Hub's own terms, with what to do about it.
HubError by_hub(const Asked& asked, const SharingRuling& ruling, bool is_gated,
                const HubError& refusal, const std::string& contact) {
    const auto repo = path_of(asked.repo);
    if (refusal.code == "GatedRepo" || (is_gated && refusal.code == "RepoNotFound")) {
        const auto what = fmt::format(
            "The Hub does not let your token read {}; ask for access at "
            "https://huggingface.co/{}.",
            repo, path_of(asked.canonical));
        return gated(403, sentences({what, ruling.message, contact}));
    }
    if (refusal.code == "RepoNotFound") {
        const auto what = fmt::format("{} was not found, or your Hub token may not read it.", repo);
        return not_found_here(sentences({what, contact}));
    }
    return refusal;
}

HubError unchecked(const Asked& asked, std::string_view why) {
    return {hub_gone_status, "",
            clean_message(fmt::format("Whether you may read {} cannot be checked now: {}.",
                                      what_of(asked), why))};
}

}  // namespace hubkeep::words
