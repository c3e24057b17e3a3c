#pragma once
// Flight: one blob in transfer, and the readers who follow it.
//
//   opening ---> filling ---> verifying ---> verified        (published, then out of the registry)
//      |            |             |
//      +------------+-------------+--------> failed          (out of the registry at once)
//
// The bytes on disk are extents. A stretch that somebody fetches is a claim; no byte is claimed
// twice. A reader asks for bytes at a position: they are there, or a claim will bring them soon, or
// the reader is handed a claim of its own and starts a fetch with it. A claim that would get there
// late is cut short at that position. The fetch belongs to no reader. Whoever completes the extents
// verifies the digest. Until then nobody who reads to the end gets the last bytes, so no reader can
// take wrong bytes for a whole file.
//
// Shared by readers and fetches on any thread; one mutex, never held over a co_await.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "common/result.hpp"
#include "common/task.hpp"
#include "common/waiters.hpp"
#include "server/store/blob_store.hpp"
#include "server/store/flight_hash.hpp"

namespace hubkeep {

class Flight : public std::enable_shared_from_this<Flight> {
  public:
    static constexpr std::uint64_t hold_back_bytes = 64 * 1024;
    // Bytes and time that a kill may cost, and how many stretches it is told apart by at most.
    static constexpr std::uint64_t min_checkpoint_bytes = 16 * 1024 * 1024;
    static constexpr auto checkpoint_interval = seconds(4);
    static constexpr std::size_t max_remembered = 32 * 1024;
    // A reader this far behind a claim's position waits for it instead of claiming for itself.
    static constexpr std::uint64_t near_bytes = 8 * 1024 * 1024;
    static constexpr std::size_t max_claims = 64;

    enum class Phase { opening, filling, verifying, verified, failed };

    Flight(Digest digest, std::uint64_t size);

    const Digest& digest() const { return digest_; }
    std::uint64_t size() const { return size_; }
    Phase phase() const;
    // After opening; constant from then on.
    const Partial& partial() const { return partial_; }

    // --- readers ---
    // The end of the bytes that may be read at `position`. When there are none it waits for one
    // change of the flight first and may still return `position`: then the reader has to see
    // whether a claim is left to it. Errors: what failed the flight, or timed_out at the deadline.
    // Readers are woken when bytes come at their position, when a claim is given up and at the end.
    // `held` readers end up with the whole file: they get the last bytes when it is verified.
    Task<Result<std::uint64_t>> readable(std::uint64_t position, bool held, TimePoint deadline);
    std::uint64_t readable_now(std::uint64_t position, bool held) const;
    // --- fetches ---
    struct Claim {
        std::uint64_t id = 0;
        ByteRange range;  // at the time of claiming; advance() tells when it was cut short
    };
    // The next claim of a connection, in place of the one it is done with (0: none): the first
    // missing stretch of `goal` that nobody fetches, ahead of the fastest reader that waits or else
    // of all, at most `most` long; else the second half of what is left of the longest claim there,
    // when a half has at least `least` bytes. The old claim is released in any case.
    struct Portion {
        static constexpr auto unlimited = UINT64_MAX / 2;  // so that a sum fits
        std::uint64_t most = unlimited;
        std::uint64_t least = unlimited;
    };
    std::optional<Claim> next_claim(std::uint64_t done, ByteRange goal, Portion portion);
    // For a reader that waits at `position`, within its `goal`: a claim to fetch with, or nothing
    // because the bytes are there or will come by themselves, within `patience` at the mean pace:
    // what is under way behind a cut is lost.
    std::optional<Claim> claim_for_reader(std::uint64_t position, ByteRange goal,
                                          SteadyClock::duration patience = {});
    // Bytes now on disk at the claim's position. The end of the claim, which may have moved closer.
    std::uint64_t advance(std::uint64_t claim, std::uint64_t bytes);
    ByteRange claimed(std::uint64_t claim) const;
    void release(std::uint64_t claim);
    std::uint64_t missing_in(ByteRange goal) const;  // linear in the gaps there
    std::uint64_t missing() const;
    // For who has a claim: bytes came since there have always been claims.
    bool has_received() const;
    // All bytes are there, verified or not.
    bool is_full() const;
    // What is there right behind `position`, for who asks how much a reader has read in a row.
    std::uint64_t run_before(std::uint64_t position) const;
    std::size_t stretches() const;
    // The server sends more than was claimed: the claim now reaches as far into `goal` as nothing
    // is there or claimed. Its range then. From then on readers wait for what is under way instead
    // of claiming, since every answer would begin at byte 0.
    ByteRange extend(std::uint64_t claim, ByteRange goal);

    // For who wants all of `goal`, over several connections: the part of that which no other such
    // fetch brings; nothing when others bring all of it. Ends with end_filling() of that part.
    std::optional<ByteRange> begin_filling(ByteRange goal);
    void end_filling(ByteRange part);
    // What of `goal` is missing that no such fetch brings.
    std::uint64_t unfilled_in(ByteRange goal) const;
    // fail() was begun, for a cause that is told elsewhere.
    bool is_failing() const;

    // --- verification ---
    // Hashes `data`, which was just written at `offset`, when it continues what is hashed already.
    // On a pool thread.
    void hash(std::uint64_t offset, std::span<const char> data) { hash_.take(offset, data); }
    // True for one caller when much is there that is not hashed: it must catch_up() until that is
    // true, and nobody else needs to.
    bool begin_catching_up();
    // Hashes some more from the disk; true when nothing is left that is there. Pool thread.
    Result<bool> catch_up();
    // True for one caller: all bytes are there and it must verify them now.
    bool begin_verifying();
    bool matches() { return hash_.finish() == digest_; }  // after catch_up() said true; once
    void set_verified();
    // Takes the right to fail() it: nobody verifies it from then on, and nobody begins to write.
    // False when another has it, or when it is full and its bytes are being judged already.
    bool begin_failing();
    void fail(Error error);
    std::optional<Error> failure() const;
    // Around each write into the file. False when it is failing: another flight may soon have it.
    bool begin_writing();
    void end_writing();
    Task<void> until_written();

    // --- registry ---
    void opened(Partial partial);
    Task<void> until_opened();
    // What to remember of the bytes that are there: all but the shortest of too many stretches.
    Extents extents() const;
    std::size_t claims() const;
    // Enough has come since the last checkpoint, or something has and the last one was long ago.
    bool checkpoint_due() const;
    // Takes the right to checkpoint, when something came since the last one and nobody else has it;
    // end_checkpoint() ends it.
    bool begin_checkpoint();
    void end_checkpoint(bool remembered);
    // Until none goes on: it may be of less than is there by now.
    Task<void> until_checkpointed();

  private:
    struct Reader {
        std::uint64_t position = 0;
        std::shared_ptr<Ticket> ticket;
    };
    Tickets take_readers();
    Tickets take_readers_in(ByteRange range);
    Tickets end_claim(std::uint64_t claim);
    std::uint64_t readable_locked(std::uint64_t position, bool held) const;
    std::optional<ByteRange> unclaimed_gap(ByteRange goal) const;
    std::optional<ByteRange> second_half(ByteRange goal, std::uint64_t least);
    Claim add_claim(ByteRange range);
    std::uint64_t comes_within(SteadyClock::duration time) const;

    const Digest digest_;
    const std::uint64_t size_;
    Partial partial_;  // set by opened(), then constant; its `present` is of that moment

    mutable std::mutex mutex_;  // guards everything below but the hash, which has its own
    Phase phase_ = Phase::opening;
    Extents present_;
    std::map<std::uint64_t, ByteRange> claims_;
    std::uint64_t next_claim_ = 1;
    TimePoint claimed_since_{};   // there has always been a claim from then on...
    std::uint64_t received_ = 0;  // ...and so much has come
    std::uint64_t since_checkpoint_ = 0;
    TimePoint unremembered_since_{};
    bool checkpointing_ = false;
    Waiters checkpointed_;
    bool catching_up_ = false;
    bool failing_ = false;
    std::size_t writing_ = 0;       // writes that go on
    Waiters written_;               // those who wait for the last of them
    std::vector<ByteRange> fills_;  // parts that fetches fill
    bool one_stream_ = false;       // the server sends the whole file, whatever is asked for
    std::optional<Error> failure_;
    std::vector<Reader> readers_;  // that wait

    FlightHash hash_;
};

}  // namespace hubkeep
