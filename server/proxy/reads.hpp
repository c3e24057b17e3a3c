#pragma once
// Reads: every GET of the API that has no meaning of its own here: searches and lists, discussions,
// commits, tags, users, croissant, and the dataset viewer. Answers of up to 8 MiB are kept, apart
// for each group of clients that may share them, for as long as the Hub says (RFC 9111) or else
// `listings.ttl`; all who ask at once share one request; what was seen is served stale when the Hub
// cannot be asked, unless it forbade that. An answer that leads to a file of a repo is that file,
// from the store. Larger answers, streams, and a HEAD or Range of what is not kept are passed on.
// One for the process; any io thread.

#include "common/coalesce.hpp"
#include "server/hub/route.hpp"
#include "server/proxy/files.hpp"
#include "server/proxy/forward.hpp"
#include "server/proxy/kept_answers.hpp"

namespace hubkeep {

class Reads {
  public:
    // `viewer` is the dataset viewer, nothing when there is none.
    Reads(const Settings& settings, Upstream& upstream, Access& access, Index& index, Files& files,
          Forward& forward, std::optional<Origin> viewer)
        : settings_(settings),
          upstream_(upstream),
          access_(access),
          answers_(index),
          files_(files),
          forward_(forward),
          viewer_(std::move(viewer)) {}

    // `visitor` is for a file of another repo that the answer may lead to.
    Task<void> serve(Exchange& exchange, Route route, Caller caller, Visitor visitor);
    // No credential ever leaves for the viewer: it is another origin.
    Task<void> serve_viewer(Exchange& exchange, Route route);

  private:
    using Kept = std::shared_ptr<const KeptAnswer>;

    struct Question {
        AnswerKey key;
        HubRequest ask;
        Credential credential;
        bool with_xet = false;
    };
    struct Finding {
        Kept answer;
        bool confirmed = false;  // it is the one that was kept, still true
        bool joined = false;
        bool pass_on = false;  // too large to keep, or without an end
        std::string no_answer;
        std::optional<HubError> refusal;
        std::optional<HubError> failure;  // the Hub's own words for no_answer
    };

    Question question_of(const Exchange& exchange, const Route& route, const Caller& caller) const;
    Task<void> answer(Exchange& exchange, Route route, Visitor visitor, Question question);
    Task<void> pass(Exchange& exchange, Visitor visitor, Question question);
    Task<void> serve_file(Exchange& exchange, const std::string& target, const Visitor& visitor,
                          const Credential& asked_with);
    Task<Finding> find_out(IoThread& thread, const Question& question, Kept kept);
    Task<Finding> learn(IoThread& thread, Question question, Kept kept);
    Task<Finding> read(HubAnswer answer, const Question& question, Kept kept);
    Task<Finding> read_body(HubAnswer answer, const Question& question, KeptAnswer fresh);
    std::optional<Finding> refused(const HubAnswer& answer, const Question& question,
                                   const Kept& kept, const CachingPolicy& policy) const;
    Task<void> send(Exchange& exchange, const Route& route, const KeptAnswer& kept, Verdict verdict,
                    std::string_view warning);

    const Settings& settings_;
    Upstream& upstream_;
    Access& access_;
    KeptAnswers answers_;
    Files& files_;
    Forward& forward_;
    const std::optional<Origin> viewer_;
    Coalescer<Finding> questions_;
};

}  // namespace hubkeep
