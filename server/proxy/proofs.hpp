#pragma once
// Proofs: that a client's own Hub token may read the files of a repo. The proof is an answer of the
// Hub to a request for a file with that token; a description proves nothing, since that of a gated
// repo is public. Kept per fingerprint of the token and canonical name, in memory in front of the
// index: for `verify_ttl`, for `verify_grace` while the Hub cannot be asked. A refusal is kept in
// memory for `verify_negative_ttl`. Any thread.

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/coalesce.hpp"
#include "server/hub/errors.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/upstream.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

// What is to be proven, and the file that the client wants, which is the best one to ask for.
struct ProofRequest {
    RepoId repo;  // canonical, as far as known
    Secret token;
    std::string revision;
    std::string path;  // "": any file
};

// How long what the Hub said counts, see AccessSettings.
struct ProofTimes {
    std::chrono::milliseconds ttl, grace, negative_ttl;
};

class Proofs {
  public:
    Proofs(Upstream& upstream, Index& index) : upstream_(upstream), index_(index) {}

    struct Finding {
        bool proven = false;
        std::optional<HubError> refusal;  // the Hub's
        std::string no_answer;  // why it could not be asked, when there is no proof either
    };
    Task<Finding> prove(IoThread& thread, ProofRequest request, ProofTimes times);

  private:
    struct Row {
        std::int64_t granted_at = 0;  // 0: never
        std::optional<HubError> refusal;
        std::int64_t refused_at = 0;
    };
    struct Lesson {
        std::optional<bool> granted;
        HubError refusal;
        std::string why;       // there is no answer
        bool limited = false;  // by the token's own quota: the Hub could be asked, but not by him
    };
    Row recall(IoThread& thread, const RepoId& repo, const std::string& who);
    void remember(const RepoId& repo, const std::string& who, const Lesson& lesson,
                  const ProofTimes& times);
    Task<Lesson> learn(IoThread& thread, ProofRequest request);
    Task<Lesson> look(IoThread& thread, ProofRequest request, std::string target);

    Upstream& upstream_;
    Index& index_;
    Coalescer<Lesson> questions_;
    std::mutex mutex_;
    std::unordered_map<std::string, Row> rows_;
};

}  // namespace hubkeep
