#pragma once
// Fetcher: brings the bytes of a blob from the Hub (and the CDN behind it) into a flight. A fetch
// is a task of its own on one io thread, owned by no client; it works off one goal, claim by claim,
// and tries again where a connection broke. One for the process.

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "common/ring.hpp"
#include "server/hub/metadata.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/leads.hpp"
#include "server/proxy/upstream.hpp"
#include "server/store/flights.hpp"

namespace hubkeep {

// Where a blob's bytes can be had.
struct Source {
    RepoId repo;
    std::string path;
    FileMetadata file;
    Credential credential;
};

// Bytes that a request caused upstream, for its log line.
using ByteCounter = std::shared_ptr<std::atomic<std::uint64_t>>;

class Fetcher {
  public:
    Fetcher(Upstream& upstream, Leads& leads, BlobStore& store, Flights& flights, Log& log)
        : upstream_(upstream), leads_(leads), store_(store), flights_(flights), log_(log) {}

    // Starts a fetch of what is missing in `goal`, from `claim` on.
    void start(IoThread& thread, std::shared_ptr<Flight> flight, Source source, ByteRange goal,
               Flight::Claim claim, ByteCounter counter);
    // Verifies a flight that an earlier process left with all its bytes.
    void start_verifying(IoThread& thread, std::shared_ptr<Flight> flight);

    // An answer whose body begins at `skip` bytes before `range.begin` (when the server ignored the
    // range) and that is checked to be of the same object.
    struct Opened {
        ClientResponse response;
        std::uint64_t skip = 0;
        Origin origin;  // that was asked: the Hub or a mirror
    };
    Task<Result<Opened>> open(IoThread& thread, const Source& source, ByteRange range);
    // What to tell a client when the Hub's quota was the cause.
    HubError limit_of(const Source& source) const;

  private:
    struct Job;
    struct Transfer;
    Task<void> run(std::shared_ptr<Job> job, Flight::Claim claim);
    Task<Result<void>> fetch_claim(Job& job, std::uint64_t claim);
    Task<Result<void>> transfer(Job& job, std::uint64_t claim);
    Task<void> write_down(Job& job, std::shared_ptr<Transfer> transfer);
    Task<void> verify(std::shared_ptr<Flight> flight);
    Task<void> remember(std::shared_ptr<Flight> flight);

    Task<Result<HubAnswer>> ask(IoThread& thread, HubRequest request, const Source& source,
                                ByteRange range);

    Upstream& upstream_;
    Leads& leads_;
    BlobStore& store_;
    Flights& flights_;
    Log& log_;
};

}  // namespace hubkeep
