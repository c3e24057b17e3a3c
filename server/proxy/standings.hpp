#pragma once
// Standings: whether a repo is public, gated or private, and which name the Hub has for it, as its
// description says. Asked once per ten minutes for each repo about which a rule has to know; in
// memory in front of the index. When the Hub cannot be asked, what was known last is still true.
// Any thread.

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
        bool seen = false;  // the operator's credential has shown it
    };
    // `credential` is the operator's: what it sees is the same for everybody who asks. Nothing when
    // the Hub cannot be asked and never told.
    Task<std::optional<Standing>> of(IoThread& thread, RepoId repo, Credential credential);

    // The same when the Hub need not be asked, else nothing.
    std::optional<Standing> known(IoThread& thread, const RepoId& repo);

    // The operator's credentials may have changed: what they did not show is asked for again.
    void forget_unseen();

  private:
    std::optional<VisibilityRow> recall(IoThread& thread, const RepoId& repo);
    void remember(IoThread& thread, const RepoId& repo, const VisibilityRow& row);
    Task<std::optional<VisibilityRow>> ask(IoThread& thread, RepoId repo, Credential credential,
                                           Priority priority);

    Upstream& upstream_;
    Index& index_;
    Coalescer<std::optional<VisibilityRow>> questions_;
    std::mutex mutex_;
    std::unordered_map<std::string, VisibilityRow> rows_;
};

}  // namespace hubkeep
