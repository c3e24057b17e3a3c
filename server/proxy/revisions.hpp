#pragma once
// Revisions: which commit each branch and tag points at, and when that was last confirmed. Kept in
// memory in front of the index, so that a hit costs no read. Any thread. Confirmed means that the
// Hub said so; a commit needs no confirmation ever.

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "server/store/index.hpp"

namespace hubkeep {

class Revisions {
  public:
    Revisions(Index& index, std::chrono::seconds ttl) : index_(index), ttl_(ttl) {}

    struct Known {
        std::string commit;
        std::int64_t confirmed_at = 0;
        bool fresh = false;
    };
    std::optional<Known> known(const Scope& scope, const std::string& revision,
                               IndexReader& reader);
    // The Hub named this commit just now.
    void confirmed(const Scope& scope, const std::string& revision, const std::string& commit);
    // The Hub says that there is no such revision any more.
    void gone(const Scope& scope, const std::string& revision);
    std::chrono::seconds ttl() const { return ttl_; }

  private:
    static std::string key_of(const Scope& scope, const std::string& revision);

    Index& index_;
    const std::chrono::seconds ttl_;
    std::mutex mutex_;
    std::unordered_map<std::string, RevisionRow> rows_;
};

std::int64_t unix_now();

}  // namespace hubkeep
