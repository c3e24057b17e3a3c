#pragma once
// Aliases: the canonical name behind a repo's old or differently cased name, as the Hub's redirects
// taught it. In memory in front of the index; any thread.

#include <mutex>
#include <string>
#include <unordered_map>

#include "server/hub/names.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

class Aliases {
  public:
    explicit Aliases(Index& index) : index_(index) {}

    // The scope under which things about this repo are kept.
    Scope scope_of(const RepoId& asked, const std::string& access, IndexReader& reader);
    // Taken before scope_of(), it holds as long as the answer is the same for every group.
    Changes::Mark mark(const RepoId& asked) const;
    // An old name may come to be a repo of its own again: then it is its own canonical one.
    void learn(const RepoId& asked, const std::string& access, const std::string& canonical);

  private:
    Index& index_;
    Changes changes_;
    std::mutex mutex_;
    std::unordered_map<std::string, std::string> names_;  // also holds those without an alias
};

}  // namespace hubkeep
