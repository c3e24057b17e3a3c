#pragma once
// Flights: the registry of blobs in transfer, so that any number of readers cause one transfer. Any
// thread. A flight stays here from its first reader until it is published or has failed, or until
// nobody has used it for a while: then its extents are remembered and it goes.

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/log.hpp"
#include "server/store/blob_store.hpp"
#include "server/store/flight.hpp"
#include "server/store/wrong_bytes.hpp"

namespace hubkeep {

class Flights {
  public:
    Flights(BlobStore& store, WrongBytes& wrong, Log& log)
        : store_(store), wrong_(wrong), log_(log) {}

    // The complete blob when there is one, otherwise the flight to follow. `created` when this
    // caller began it.
    struct Joined {
        std::optional<Blob> blob;
        std::shared_ptr<Flight> flight;
        bool created = false;
    };
    Task<Result<Joined>> join(Digest digest, std::uint64_t size, IndexReader& reader);

    // Remembers what is on disk, until no checkpoint is due.
    Task<void> remember(std::shared_ptr<Flight> flight);
    // Hashes what came out of order, beside the transfer, so that little is left to do at its end.
    // For who was told so by Flight::begin_catching_up().
    Task<void> catch_up(std::shared_ptr<Flight> flight);
    // Checks the digest of a flight whose bytes are all there, and publishes it.
    Task<void> verify_and_publish(std::shared_ptr<Flight> flight);
    WrongBytes::Finding found_wrong(const Digest& digest) const { return wrong_.of(digest); }
    // Remembers the extents, then ends the flight for its readers; unless it is full already.
    Task<void> fail(std::shared_ptr<Flight> flight, Error error);

    // To be called every few seconds: remembers what came too long ago to be lost, and lets go of
    // flights that nobody uses. `all` at a stop.
    Task<void> sweep(bool all);
    std::size_t size() const;

  private:
    Task<void> checkpoint(std::shared_ptr<Flight> flight);
    void drop(const std::shared_ptr<Flight>& flight);

    BlobStore& store_;
    WrongBytes& wrong_;
    Log& log_;
    mutable std::mutex mutex_;
    std::unordered_map<Digest, std::shared_ptr<Flight>, DigestHash> flights_;
};

}  // namespace hubkeep
