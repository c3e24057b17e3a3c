#pragma once
// Standings: how the Hub shows a repo to somebody without any credential, and which name it has for
// it. Asked once per ten minutes for each repo about which a rule has to know; in memory in front
// of the index. When the Hub cannot be asked, what was known last is still true. Any thread.

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/coalesce.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/upstream.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

class Standings {
  public:
    Standings(Upstream& upstream, Index& index) : upstream_(upstream), index_(index) {}

    struct Standing {
        Visibility visibility = Visibility::closed;
        RepoId canonical;
    };
    // Nothing when the Hub cannot be asked and never told. What is closed to all is asked for once
    // more with `credential`, when it has a token, to learn its canonical name.
    Task<std::optional<Standing>> of(IoThread& thread, RepoId repo, Credential credential);
    // What is known, however old.
    std::optional<Standing> known(IoThread& thread, const RepoId& repo);

  private:
    std::optional<VisibilityRow> recall(IoThread& thread, const RepoId& repo);
    void remember(const RepoId& repo, const VisibilityRow& row);
    Task<std::optional<VisibilityRow>> ask(IoThread& thread, RepoId repo, Credential credential,
                                           Priority priority);
    Task<std::optional<VisibilityRow>> look(IoThread& thread, RepoId repo, Credential credential,
                                            Priority priority);

    Upstream& upstream_;
    Index& index_;
    Coalescer<std::optional<VisibilityRow>> questions_;
    std::mutex mutex_;
    std::unordered_map<std::string, VisibilityRow> rows_;
};

}  // namespace hubkeep
