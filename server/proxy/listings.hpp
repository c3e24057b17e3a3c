#pragma once
// Listings: answers what the API tells about a repo: info, revisions, trees, paths, refs. A moving
// revision is first turned into its commit (confirmed once per ttl), then the document of that
// commit is served, so that all answers within a ttl are about one commit. One for the process.

#include "server/hub/route.hpp"
#include "server/proxy/documents.hpp"

namespace hubkeep {

class Listings {
  public:
    Listings(const Settings& settings, Upstream& upstream, Index& index, Revisions& revisions,
             Aliases& aliases, Documents& documents)
        : settings_(settings),
          upstream_(upstream),
          index_(index),
          revisions_(revisions),
          aliases_(aliases),
          documents_(documents) {}

    Task<void> info(Exchange& exchange, Route route, Caller caller);
    Task<void> tree(Exchange& exchange, Route route, Caller caller);
    Task<void> paths_info(Exchange& exchange, Route route, Caller caller);
    Task<void> refs(Exchange& exchange, Route route, Caller caller);
    Task<void> agent_harnesses(Exchange& exchange);

  private:
    struct Pinned {
        std::string commit;
        Verdict verdict = Verdict::hit;
        std::string warning;
    };
    // The commit of the route's revision, confirmed when it is due.
    Task<Outcome<Pinned>> commit_of(IoThread& thread, const Route& route, const Caller& caller);
    // A document of that commit. When a moving revision's commit turns out to be lost (the branch
    // was moved by force), the Hub is asked once more where it points.
    using RequestFor = std::function<DocumentRequest(const std::string& commit)>;
    struct AtCommit {
        Pinned pinned;
        Outcome<Document> document;
    };
    Task<AtCommit> at_commit(IoThread& thread, const Route& route, const Caller& caller,
                             RequestFor request_for);
    Task<void> send(Exchange& exchange, AtCommit found);
    Task<Outcome<Document>> info_of(IoThread& thread, const Route& route, const Caller& caller,
                                    std::string query);
    Result<void> agree_on_refs(IoThread& thread, const Route& route, const Caller& caller,
                               Document& document);
    DocumentRequest request_for(IoThread& thread, const Route& route, const Caller& caller);
    Task<void> send(Exchange& exchange, Outcome<Document> document, const Pinned* pinned);

    const Settings& settings_;
    Upstream& upstream_;
    Index& index_;
    Revisions& revisions_;
    Aliases& aliases_;
    Documents& documents_;
};

}  // namespace hubkeep
