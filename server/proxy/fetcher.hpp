#pragma once
// Fetcher: brings the bytes of a blob from the Hub (and the CDN behind it) into a flight. A fetch
// is tasks of its own on one io thread, owned by no client; it works off one goal, claim by claim,
// and tries again where a connection broke. A long goal is fetched in portions, over as many
// connections as make it faster (connection_count.hpp), the first of which is never held back for
// others. It falls back to one where a server sends no ranges, or where the Hub itself would have
// to be asked for each. One for the process.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/lru_map.hpp"
#include "common/ring.hpp"
#include "server/hub/metadata.hpp"
#include "server/hub/names.hpp"
#include "server/proxy/leads.hpp"
#include "server/proxy/transfer_slots.hpp"
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
    Fetcher(const UpstreamSettings& settings, Upstream& upstream, Leads& leads, BlobStore& store,
            Flights& flights, Log& log);

    // Starts a fetch of what is missing in `goal`, from `claim` on, over one connection.
    void start(IoThread& thread, std::shared_ptr<Flight> flight, Source source, ByteRange goal,
               Flight::Claim claim, ByteCounter counter);
    // Starts a fetch of what is missing in `goal`, over several connections where that is faster;
    // what an earlier one brings is left to it.
    void fill(IoThread& thread, std::shared_ptr<Flight> flight, Source source, ByteRange goal,
              ByteCounter counter);
    // Verifies a flight that an earlier process left with all its bytes.
    void start_verifying(IoThread& thread, std::shared_ptr<Flight> flight);

    // The Hub's CDN sends files above 50 GB in parts only.
    static constexpr std::uint64_t most_in_one_answer = std::uint64_t(16) << 30;
    // What a transfer and those who read it wait for its next byte, once some have come.
    static constexpr auto patience = seconds(120);

    // An answer whose body begins at `skip` bytes before `range.begin` (when the server ignored the
    // range) and that is checked to be of the same object.
    struct Opened {
        std::string host;        // that sends the body
        bool left_hub = false;   // it is not the one that was asked
        bool asked_hub = false;  // it was not known before where the body is
        bool whole = false;      // the server sends the whole file, though a part was asked for
        ClientResponse response;
        std::uint64_t skip = 0;
        Origin origin;  // that was asked: the Hub or a mirror
    };
    // Why there is none, and how long the server wants to be left alone.
    struct Unopened : Error {
        seconds pause{};
    };
    Task<std::expected<Opened, Unopened>> open(IoThread& thread, const Source& source,
                                               ByteRange range);
    // Why nothing of it can be fetched now; "" when it may be.
    std::string why_not(const Source& source) const;
    // It passes by itself: there is no answer, or one of a server in trouble.
    static bool is_outage(const Error& error);
    // What to tell a client when the Hub's quota was the cause.
    HubError limit_of(const Source& source) const;

  private:
    struct Job;
    struct Transfer;
    Task<void> run(std::shared_ptr<Job> job, Flight::Claim claim);
    Task<void> work(std::shared_ptr<Job> job, Flight::Claim claim, TransferSlots::Slot slot);
    void tell_of_no_room(const Source& source, const Error& error);
    Task<void> give_up(Job& job, Error error);
    Task<void> watch(std::weak_ptr<Job> job);
    bool add_connection(const std::shared_ptr<Job>& job);
    Task<void> pause_for(Flight& flight, SteadyClock::duration time);
    Task<Result<void>> fetch_claim(Job& job, std::uint64_t claim);
    Result<void> take_hint(Job& job, const Opened& opened, std::uint64_t claim);
    Task<Result<void>> transfer(Job& job, std::uint64_t claim);
    Task<Result<void>> receive(Job& job, Transfer& transfer, Opened& opened);
    Task<void> write_down(Job& job, std::shared_ptr<Transfer> transfer);
    Task<void> write_piece(Job& job, Transfer& transfer, std::span<const char> piece);

    Task<Result<HubAnswer>> ask(IoThread& thread, HubRequest request, const Source& source,
                                ByteRange range);
    Task<Result<HubAnswer>> ask_hub(IoThread& thread, HubRequest request, const Source& source,
                                    ByteRange range);
    Task<std::optional<HubAnswer>> ask_where_led(IoThread& thread, const HubRequest& request,
                                                 const Source& source, ByteRange range, Url lead);

    Upstream& upstream_;
    Leads& leads_;
    BlobStore& store_;
    Flights& flights_;
    Log& log_;
    const std::size_t most_connections_;  // for one file
    TransferSlots slots_;
    std::mutex without_room_mutex_;
    LruMap<TimePoint> without_room_{1024};  // when it was told, by digest
};

}  // namespace hubkeep
