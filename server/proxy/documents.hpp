#pragma once
// Documents: JSON answers of the Hub about a repo, kept under a key. A document of a commit never
// changes; others are asked for again after the ttl. All who ask for one at once share one request;
// when the Hub does not answer, the last one known is served and marked stale. They are kept as the
// Hub told them; what is handed out has no Xet hints where the repo's are stripped, nor for files
// that are too large for them. One for the process.

#include <functional>
#include <string>

#include "common/coalesce.hpp"
#include "server/proxy/access.hpp"
#include "server/proxy/aliases.hpp"
#include "server/proxy/answers.hpp"
#include "server/proxy/refusals.hpp"
#include "server/proxy/revisions.hpp"
#include "server/proxy/trees.hpp"
#include "server/proxy/upstream.hpp"

namespace hubkeep {

struct Document {
    ListingRow row;
    Verdict verdict = Verdict::hit;
    std::string warning;
};

struct DocumentRequest {
    RepoId repo;  // as asked for
    Scope scope;
    std::string key;
    Credential credential;
    HubRequest ask;
    // Set for a description of a revision, whose "sha" tells the commit: then it is kept under
    // info_key(that commit, info_query), wherever it was looked for.
    std::string revision;
    std::string info_query;
    // How long it stays fresh; nothing when it can never change.
    std::optional<std::int64_t> ttl_seconds;
    // "There is no such thing" is kept like any other answer, for as long.
    bool keep_missing = false;
    // The Hub has to be asked even if the document is there (its revision may have moved).
    bool must_ask = false;
    // What the answer adds to the index besides the document itself, in the same write.
    Teacher teach;
    std::string what;  // for messages: "the tree of org/name at main"
};

class Documents {
  public:
    Documents(const Settings& settings, std::uint64_t largest_over_xet, Upstream& upstream,
              Index& index, Revisions& revisions, Aliases& aliases, Refusals& refusals)
        : settings_(settings),
          largest_over_xet_(largest_over_xet),
          upstream_(upstream),
          index_(index),
          revisions_(revisions),
          aliases_(aliases),
          refusals_(refusals) {}

    Task<Outcome<Document>> get(IoThread& thread, DocumentRequest request);
    // What is kept under a key, however old.
    std::optional<ListingRow> kept(IoThread& thread, const Scope& scope, const std::string& key);

  private:
    struct Lesson {
        std::optional<ListingRow> row;
        std::optional<HubError> refusal;
        std::string warning;  // of a hubkeep on the way, see HubAnswer
        std::string no_answer;
        std::optional<HubError> failure;
        bool passing = false;  // not to be kept: another hubkeep could not ask the Hub
        std::vector<IndexWrite> also;
    };
    Task<Lesson> learn(IoThread& thread, DocumentRequest request);
    Task<Lesson> read(HubAnswer answer, const DocumentRequest& request, const Scope& scope);
    Scope scope_of(const HubAnswer& answer, const DocumentRequest& request);

    Task<Outcome<Document>> find(IoThread& thread, DocumentRequest request);
    std::optional<ListingRow> stored(IoThread& thread, const Scope& scope, const std::string& key);

    std::string shown(std::string body, const Scope& scope) const;

    const Settings& settings_;
    const std::uint64_t largest_over_xet_;
    Upstream& upstream_;
    Index& index_;
    Revisions& revisions_;
    Aliases& aliases_;
    Refusals& refusals_;
    Coalescer<Lesson> lessons_;
};

// Where a document that describes a revision is kept: under its commit.
std::string info_key(const std::string& commit, const std::string& query);

}  // namespace hubkeep
