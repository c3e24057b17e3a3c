#pragma once
// RevisionDesk: what the operator says about revisions, over the admin listener:
//   GET    /pins                              {"pins": [{"repo", "revision", "commit", "at"}]}
//   PUT    /pins     {repo, revision, commit} serve this commit, wherever the branch moves
//   DELETE /pins     {repo, revision}         let it move again
//   POST   /refresh  {repo, revision}         ask the Hub now where the branch points
// A repo is named as in its address at the Hub: "org/name", "datasets/org/name". Bodies are JSON.
// One for the process; any io thread.

#include "server/proxy/refresher.hpp"

namespace hubkeep {

class RevisionDesk {
  public:
    RevisionDesk(Index& index, Revisions& revisions, Refresher& refresher)
        : index_(index), revisions_(revisions), refresher_(refresher) {}

    static bool is_for(std::string_view path) { return path == "/pins" || path == "/refresh"; }
    Task<void> handle(Exchange& exchange);

  private:
    struct Order {
        RepoId repo;
        std::string revision = "main";
        std::string commit;  // "" when none was given
    };
    Task<Result<Order>> read_order(Exchange& exchange);
    Task<void> list(Exchange& exchange);
    Task<void> pin(Exchange& exchange, Order order);
    Task<void> unpin(Exchange& exchange, Order order);
    Task<void> refresh(Exchange& exchange, Order order);

    Index& index_;
    Revisions& revisions_;
    Refresher& refresher_;
};

}  // namespace hubkeep
