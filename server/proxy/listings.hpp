#pragma once
// Listings: answers what the API tells about a repo: info, revisions, trees, paths, refs. A moving
// revision is first turned into its commit (confirmed once per ttl), then the document of that
// commit is served, so that all answers within a ttl are about one commit. One for the process.

#include "server/hub/route.hpp"
#include "server/proxy/documents.hpp"
#include "server/proxy/known_listings.hpp"

namespace hubkeep {

class Listings {
  public:
    Listings(const Settings& settings, Upstream& upstream, Index& index, Revisions& revisions,
             Aliases& aliases, Documents& documents, KnownListings& known)
        : settings_(settings),
          upstream_(upstream),
          index_(index),
          revisions_(revisions),
          aliases_(aliases),
          documents_(documents),
          known_(known) {}

    Task<void> info(Exchange& exchange, Route route, Caller caller);
    Task<void> tree(Exchange& exchange, Route route, Caller caller);
    Task<void> paths_info(Exchange& exchange, Route route, Caller caller);
    Task<void> refs(Exchange& exchange, Route route, Caller caller);
    Task<void> agent_harnesses(Exchange& exchange);

    struct Pinned {
        std::string commit;
        Verdict verdict = Verdict::hit;
        std::string warning;
    };
    // The commit of the route's revision, confirmed when it is due.
    Task<Outcome<Pinned>> commit_of(IoThread& thread, const Route& route, const Caller& caller);
    // Brings all entries of a commit into the index, for who knows a file by something else than
    // its path; at once when they are there. At most a million entries.
    Task<Outcome<void>> learn_tree(IoThread& thread, RepoId repo, std::string commit,
                                   Caller caller);

  private:
    // A document of that commit. When a moving revision's commit turns out to be lost (the branch
    // was moved by force), the Hub is asked once more where it points.
    using AnswerAt = std::function<Task<Outcome<Document>>(const std::string& commit)>;
    struct AtCommit {
        Pinned pinned;
        Outcome<Document> document;
    };
    Task<AtCommit> at_commit(IoThread& thread, const Route& route, const Caller& caller,
                             AnswerAt answer_at);
    // One question about a repo at a commit; `client` is its User-Agent.
    struct Question {
        const Route& route;
        const Caller& caller;
        std::string query;  // normalised
        std::string commit;
        std::string client;
    };
    // In listings_at_commit.cpp: what is known answers where it can, else the Hub, else a part.
    Task<Outcome<Document>> tree_at(IoThread& thread, Question question);
    Task<Outcome<Document>> paths_at(IoThread& thread, Question question,
                                     std::vector<std::string> paths, bool expand);
    Task<Outcome<Document>> expanded_info_at(IoThread& thread, Question question);
    Task<Outcome<Document>> info_with_blobs(IoThread& thread, const Route& route,
                                            const Caller& caller);
    // A description without asking, of a commit that is known; `refused` when nothing is.
    Task<Outcome<Document>> known_info(IoThread& thread, const Route& route, const Caller& caller,
                                       bool blobs, Refusal refused);
    std::string known_commit(IoThread& thread, const Route& route, const Caller& caller,
                             bool must_be_fresh);
    std::int64_t info_ttl_seconds() const;
    Task<void> send(Exchange& exchange, AtCommit found);
    Task<Outcome<Document>> info_of(IoThread& thread, const Route& route, const Caller& caller,
                                    std::string query);
    Result<void> agree_on_refs(IoThread& thread, const Route& route, const Caller& caller,
                               Document& document);
    static bool is_expanded(std::string_view query);
    DocumentRequest request_for(IoThread& thread, const Route& route, const Caller& caller);
    Task<void> send(Exchange& exchange, Outcome<Document> document, const Pinned* pinned);

    const Settings& settings_;
    Upstream& upstream_;
    Index& index_;
    Revisions& revisions_;
    Aliases& aliases_;
    Documents& documents_;
    KnownListings& known_;
};

}  // namespace hubkeep
