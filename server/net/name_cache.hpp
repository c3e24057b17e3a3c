#pragma once
// NameCache: the addresses of hosts, remembered for a while. One for the process, any thread. A
// name that the resolver could not find is not asked for again within a second; when it was found
// before, its old addresses are used: a name server that fails must not cut off a Hub that works.
// Those who ask for a name at once share one lookup. Literal addresses pass through.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/coalesce.hpp"
#include "server/net/lookup.hpp"

namespace hubkeep {

// What is remembered, with the time as an argument. At most 256 names; the longest unused leaves.
class NameTable {
  public:
    explicit NameTable(SteadyClock::duration ttl) : ttl_(ttl) {}

    // What to answer without a lookup: addresses, or the failure of a moment ago.
    std::optional<Result<Endpoints>> find(const std::string& host, TimePoint now);
    // The outcome of a lookup; returns what counts, old addresses instead of a failure.
    Result<Endpoints> learn(const std::string& host, Result<Endpoints> outcome, TimePoint now);

  private:
    struct Name {
        Endpoints endpoints;  // empty: never found
        std::optional<Error> failure;
        TimePoint good_until{};
        TimePoint used{};
    };
    const SteadyClock::duration ttl_;
    std::mutex mutex_;
    std::map<std::string, Name> names_;
};

class NameCache : public std::enable_shared_from_this<NameCache> {
  public:
    explicit NameCache(SteadyClock::duration ttl) : table_(ttl) {}
    Task<Result<Endpoints>> find(IoThread& thread, std::string host, std::uint16_t port,
                                 TimePoint deadline);

  private:
    static Task<Result<Endpoints>> ask(std::shared_ptr<NameCache> self, IoThread& thread,
                                       std::string host, TimePoint deadline);
    NameTable table_;
    Coalescer<Result<Endpoints>> lookups_;
};

}  // namespace hubkeep
