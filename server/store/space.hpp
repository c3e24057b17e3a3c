#pragma once
// Space: how many bytes the store has, by what they are, against its limit. Blobs and closed
// partials count with what their rows say; an open partial counts with what was written into it.
// Promised bytes count until they are written or given back. Any thread; one mutex. Says nothing
// about the disk.

#include <cstdint>
#include <memory>
#include <mutex>

#include "server/store/blob_store.hpp"

namespace hubkeep {

// An open partial's share; guarded by the Space that it was opened with.
struct PartialAccount {
    std::uint64_t written = 0;     // counted for it now
    std::uint64_t remembered = 0;  // what its row says
    bool closed = false;           // gone or let go: nothing is counted for it any more
};

class Space {
  public:
    explicit Space(std::uint64_t limit_bytes) { usage_.limit_bytes = limit_bytes; }

    // What the index says at the start.
    void load(const IndexReader::Totals& totals);
    StoreUsage usage() const;
    // How much too much it would be to promise `bytes`; 0 when they fit.
    std::uint64_t missing_for(std::uint64_t bytes) const;

    void promise(std::uint64_t bytes);
    void give_back(std::uint64_t bytes);
    // Promised bytes that were written into a partial.
    void wrote(PartialAccount* account, std::uint64_t bytes);
    // The row of the partial was written.
    void remembered(PartialAccount& account, std::uint64_t bytes);
    // It was published or discarded.
    void gone(PartialAccount& account);
    // Nobody fills it any more: back to what its row says.
    void let_go(PartialAccount& account);

    void add_blob(std::uint64_t bytes);
    void remove_blob(std::uint64_t bytes);
    void add_partial(std::uint64_t bytes);
    void remove_partial(std::uint64_t bytes);

  private:
    mutable std::mutex mutex_;
    StoreUsage usage_;
};

// Bytes promised to one transfer.
class SpaceReservation : public Reservation {
  public:
    // The promise has been made already.
    SpaceReservation(std::shared_ptr<Space> space, std::uint64_t bytes,
                     std::shared_ptr<PartialAccount> account)
        : space_(std::move(space)), account_(std::move(account)), left_(bytes) {}
    ~SpaceReservation() override { space_->give_back(left_); }
    void use(std::uint64_t bytes) override;

  private:
    const std::shared_ptr<Space> space_;
    const std::shared_ptr<PartialAccount> account_;
    std::mutex mutex_;
    std::uint64_t left_;
};

}  // namespace hubkeep
