#pragma once
// Resolver: finds the entry, and so the blob, behind repo + revision + path. A commit's entries
// never change, so they are asked for once, or never when a listing told them; a revision's commit
// is confirmed once per ttl, with the same HEAD request that brings the entry. All askers of one
// question share one request. When the Hub does not answer, what is known is served and marked
// stale; what is not known is refused with an error that no client takes for "not found". One for
// the process; any io thread.

#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "common/coalesce.hpp"
#include "server/hub/metadata.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/access.hpp"
#include "server/proxy/aliases.hpp"
#include "server/proxy/answers.hpp"
#include "server/proxy/leads.hpp"
#include "server/proxy/refusals.hpp"
#include "server/proxy/revisions.hpp"
#include "server/proxy/trees.hpp"
#include "server/proxy/upstream.hpp"

namespace hubkeep {

struct ResolveRequest {
    RepoId repo;
    std::string revision;
    std::string path;
    Caller caller;
    Priority priority = Priority::foreground;
    // The Hub just refused what is known here: it has to say itself what is true now.
    bool doubted = false;
};

// How long what was resolved without asking stays true. Marks end before their givers do.
class StaysTrue {
  public:
    StaysTrue() = default;  // not at all
    StaysTrue(Changes::Mark alias, Changes::Mark entry) : alias_(alias), entry_(entry) {}
    // And, where a moving revision was asked for, until its commit has to be confirmed.
    void while_fresh(Changes::Mark revision, std::int64_t confirmed_at, std::int64_t until) {
        moves_ = true;
        revision_ = revision;
        from_ = confirmed_at;
        until_ = until;
    }
    bool holds(std::int64_t now) const {
        return alias_.holds() && entry_.holds() &&
               (!moves_ || (revision_.holds() && now >= from_ && now < until_));
    }

  private:
    Changes::Mark alias_, entry_, revision_;
    bool moves_ = false;
    std::int64_t from_ = 0, until_ = 0;  // seconds since 1970
};

struct Resolution {
    RepoId repo;  // canonical
    FileMetadata file;
    Verdict verdict = Verdict::hit;
    std::string warning;  // why it may be stale, "" when it is not
    StaysTrue stays_true = {};
};

class Resolver {
  public:
    Resolver(Upstream& upstream, Index& index, Revisions& revisions, Aliases& aliases,
             Refusals& refusals, Trees& trees, Leads& leads)
        : upstream_(upstream),
          index_(index),
          revisions_(revisions),
          aliases_(aliases),
          refusals_(refusals),
          trees_(trees),
          leads_(leads) {}

    Task<Outcome<Resolution>> resolve(IoThread& thread, ResolveRequest request);
    // The same when nobody has to be asked for it, else nothing.
    std::optional<Outcome<Resolution>> resolve_now(IoThread& thread, const ResolveRequest& request);

  private:
    // What one HEAD request taught. Exactly one of: a commit; a refusal by the Hub; no answer.
    struct Lesson {
        std::string commit;  // that counts for the revision
        std::string path;
        std::string entry_commit;
        EntryRow entry;  // of that path at entry_commit, which a moving branch may have left
        std::optional<HubError> refusal;
        std::string warning;              // of a hubkeep on the way, see HubAnswer
        std::string no_answer;            // why
        std::optional<HubError> failure;  // the Hub's own error behind no_answer
    };
    std::optional<Lesson> learnt(IoThread& thread, const ResolveRequest& request,
                                 const Scope& scope);
    Task<Lesson> learn(IoThread& thread, ResolveRequest request, Scope scope);
    struct Asked {
        Lesson lesson;
        bool joined = false;
    };
    Task<Asked> ask_together(IoThread& thread, std::string key, ResolveRequest request, Scope scope,
                             SteadyClock::duration time);
    Task<Lesson> ask_hub(IoThread& thread, const ResolveRequest& request, const Scope& scope);
    Task<Lesson> record(const HubAnswer& answer, const ResolveRequest& request, const Scope& scope);
    Task<Outcome<Resolution>> entry_at(IoThread& thread, const ResolveRequest& request,
                                       const Scope& scope, std::string commit, Verdict verdict,
                                       std::string warning);
    std::optional<EntryRow> kept(IoThread& thread, const ResolveRequest& request,
                                 const Scope& scope, const std::string& commit);
    static bool is_told(const EntryRow& row);
    // It is told, or was asked for and not told.
    bool suffices(const EntryRow& row, const Scope& scope, const std::string& commit,
                  const std::string& path);
    void leave_untold(const Scope& scope, const std::string& commit, const std::string& path);
    static Outcome<Resolution> outcome_of(const EntryRow& row, const RepoId& repo,
                                          std::string commit, Verdict verdict, std::string warning);

    Upstream& upstream_;
    Index& index_;
    Revisions& revisions_;
    Aliases& aliases_;
    Refusals& refusals_;
    Trees& trees_;
    Leads& leads_;
    Coalescer<Lesson> lessons_;
    std::mutex untold_mutex_;
    // Entries whose Xet hash a mirror did not tell; it may be another one after a restart.
    std::unordered_set<std::string> untold_;
};

}  // namespace hubkeep
