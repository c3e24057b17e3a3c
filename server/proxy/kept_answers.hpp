#pragma once
// KeptAnswers: answers of the API in the index, found again by target, scope and those request
// fields that the Hub says they differ by (Vary). One for the process; any io thread, each with the
// index reader of its own.

#include <memory>

#include "server/hub/caching.hpp"
#include "server/net/io_threads.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

struct KeptAnswer {
    int status = 200;
    HeaderFields fields;
    std::string body;
    std::string next;      // target of the next page
    std::string file;      // target of the file of a repo that it leads to, "" for all others
    std::string selected;  // the asker's values of the fields in Vary
    std::int64_t received_at = 0;
    CachingPolicy policy;
};

// What an answer is looked for by. `asker` are the client's fields that the Hub gets to see.
struct AnswerKey {
    Scope scope;
    std::string target;
    HeaderFields asker;
};

class KeptAnswers {
  public:
    explicit KeptAnswers(Index& index) : index_(index) {}

    // However old; null when there is none.
    std::shared_ptr<const KeptAnswer> find(IoThread& thread, const AnswerKey& key);
    Task<void> keep(const AnswerKey& key, const KeptAnswer& answer);

  private:
    Index& index_;
};

}  // namespace hubkeep
