#pragma once
// Refresher: asks the Hub at once where a branch points, whatever its ttl says; for the operator
// and for the Hub's webhook. What the Hub says then counts at once, for every group of clients. One
// for the process; any io thread.

#include "server/proxy/access.hpp"
#include "server/proxy/aliases.hpp"
#include "server/proxy/answers.hpp"
#include "server/proxy/refusals.hpp"
#include "server/proxy/revisions.hpp"

namespace hubkeep {

class Refresher {
  public:
    Refresher(Upstream& upstream, Index& index, Access& access, Revisions& revisions,
              Aliases& aliases, Refusals& refusals)
        : upstream_(upstream),
          index_(index),
          access_(access),
          revisions_(revisions),
          aliases_(aliases),
          refusals_(refusals) {}

    struct Refreshed {
        std::string before;  // the commit that was known, "" when none was
        std::string after;
        bool pinned = false;  // then the Hub was not asked, because its word would not count
    };
    Task<Outcome<Refreshed>> refresh(IoThread& thread, RepoId repo, std::string revision,
                                     Priority priority);
    // The commit that counts for everybody who has no credential of his own; "" when none is known.
    Revisions::Known known(IoThread& thread, const RepoId& repo, const std::string& revision);
    // Under the name that the Hub has for it now.
    RepoId canonical(IoThread& thread, const RepoId& repo);
    // Every revision of the repo is asked for again when somebody next wants it.
    void expire(IoThread& thread, const RepoId& repo);

  private:
    struct Site {
        Caller caller;
        Scope scope;
    };
    Site site_of(IoThread& thread, const RepoId& repo);
    Task<Outcome<std::string>> ask(IoThread& thread, RepoId repo, std::string revision,
                                   Caller caller, Priority priority);

    Upstream& upstream_;
    Index& index_;
    Access& access_;
    Revisions& revisions_;
    Aliases& aliases_;
    Refusals& refusals_;
};

}  // namespace hubkeep
