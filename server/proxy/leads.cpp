#include "server/proxy/leads.hpp"

#include <algorithm>

#include "server/hub/signed_url.hpp"

namespace hubkeep {
namespace {

// The Hub is asked again then, so that what it takes back does not live on for long.
constexpr std::int64_t longest_seconds = 300;
constexpr std::int64_t unsigned_seconds = 60;
// A transfer that begins in the last moment, and clocks that differ.
constexpr std::int64_t margin_seconds = 30;
// One asks the Hub anew, and those who come meanwhile go on with what is there.
constexpr std::int64_t asking_seconds = 10;
static_assert(asking_seconds < margin_seconds);

std::string key_of(const std::string& target, const Credential& credential) {
    return target + '\n' + (credential.token.empty() ? "" : credential.token.fingerprint());
}

}  // namespace

std::optional<Url> Leads::find(const std::string& target, const Credential& credential,
                               std::int64_t now) {
    const auto key = key_of(target, credential);
    const std::lock_guard lock(mutex_);
    const auto found = leads_.find(key);
    if (found == leads_.end()) return std::nullopt;
    auto& lead = found->second;
    if (now < lead.fresh_until) return lead.url;
    if (now >= lead.until) leads_.erase(found);
    else lead.fresh_until = std::min(now + asking_seconds, lead.until);
    return std::nullopt;
}

std::optional<Url> Leads::last_resort(const std::string& target, const Credential& credential,
                                      std::int64_t now) const {
    const auto key = key_of(target, credential);
    const std::lock_guard lock(mutex_);
    const auto found = leads_.find(key);
    if (found == leads_.end() || now >= found->second.until) return std::nullopt;
    return found->second.url;
}

void Leads::learn(const std::string& target, const Credential& credential, Url url,
                  std::int64_t now) {
    const auto mark = url.target.find('?');
    const auto query = mark == url.target.npos ? "" : url.target.substr(mark + 1);
    const auto last = signed_until(query);
    auto fresh_until = now + (last ? longest_seconds : unsigned_seconds);
    if (last) fresh_until = std::min(fresh_until, *last - margin_seconds);
    if (fresh_until <= now) return;
    const auto until = last ? *last - asking_seconds : fresh_until + asking_seconds;
    auto key = key_of(target, credential);
    const std::lock_guard lock(mutex_);
    if (leads_.size() >= max_leads) {
        std::erase_if(leads_, [now](const auto& lead) { return lead.second.until <= now; });
    }
    if (leads_.size() >= max_leads) {
        const auto oldest = std::ranges::min_element(
            leads_, {}, [](const auto& lead) { return lead.second.until; });
        leads_.erase(oldest);
    }
    leads_[std::move(key)] = {std::move(url), fresh_until, until};
}

void Leads::forget(const std::string& target, const Credential& credential) {
    const auto key = key_of(target, credential);
    const std::lock_guard lock(mutex_);
    leads_.erase(key);
}

void Leads::forget(const std::string& target, const Credential& credential, const Url& url) {
    const auto key = key_of(target, credential);
    const std::lock_guard lock(mutex_);
    const auto found = leads_.find(key);
    if (found != leads_.end() && found->second.url == url) leads_.erase(found);
}

std::size_t Leads::size() const {
    const std::lock_guard lock(mutex_);
    return leads_.size();
}

}  // namespace hubkeep
