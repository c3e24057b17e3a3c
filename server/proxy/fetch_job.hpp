#pragma once
// What the parts of a Fetcher share about one fetch: a goal, and the connections that work it off.
// On one io thread. Private to Fetcher.

#include "server/proxy/connection_count.hpp"
#include "server/proxy/fetcher.hpp"
#include "server/proxy/transfer_slots.hpp"

namespace hubkeep {

struct Fetcher::Job : std::enable_shared_from_this<Job> {
    Job(IoThread& io, std::shared_ptr<Flight> flying, Source from, ByteRange wanted,
        ByteCounter bytes, std::size_t most_connections)
        : thread(io),
          flight(std::move(flying)),
          source(std::move(from)),
          goal(wanted),
          counter(std::move(bytes)),
          connections(most_connections) {}

    // What a connection should claim next.
    Flight::Portion portion() const;
    // One connection brought so much in that time.
    void note_speed(std::uint64_t bytes, SteadyClock::duration time);
    // More connections would bring nothing, or cost more of the quota than they are worth.
    void use_one_connection();

    IoThread& thread;
    const std::shared_ptr<Flight> flight;
    const Source source;
    const ByteRange goal;
    const ByteCounter counter;
    bool in_portions = false;  // several connections may share it
    bool fills = false;        // registered at the flight with its goal
    bool watched = false;      // its connections are counted and measured
    std::unique_ptr<Reservation> reservation;
    std::optional<Origin> mirror;  // that sent some of the bytes
    std::string host;              // that sends them, "" until it is known
    TimePoint not_before{};        // a server asked to be left alone until then
    int questions = 0;             // to the Hub, for one portion after the other
    ConnectionCount connections;
    std::size_t workers = 0;
    std::uint64_t speed = 0;          // of one connection, bytes per second; 0: not known yet
    std::uint64_t received = 0;       // from all of them
    SteadyClock::duration held_up{};  // that all of them waited for the store

    static constexpr std::uint64_t first_portion = 16 * 1024 * 1024;
};

// One answer's share: the network fills the ring, write_down() empties it into the file.
struct Fetcher::Transfer {
    Transfer(std::size_t capacity, Executor executor, std::uint64_t claim_id, ByteRange range)
        : ring(capacity, std::move(executor)),
          claim(claim_id),
          received(range.begin),
          written(range.begin),
          allocated(range.begin),
          end(range.end) {}
    // Bytes that are still to be received.
    std::uint64_t left() const { return end - std::min(end, received); }

    Ring ring;
    const std::uint64_t claim;
    std::uint64_t received;   // position of the next byte from the network
    std::uint64_t written;    // position of the next byte to be written
    std::uint64_t allocated;  // the disk has room up to here
    std::uint64_t end;        // of the claim, which others may cut
    bool done = false;
    std::optional<Error> error;
};

}  // namespace hubkeep
