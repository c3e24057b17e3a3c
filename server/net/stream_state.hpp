#pragma once
// The inside of a Stream, private to server/net: the socket, the TLS engine over it, and the
// watchdog. The timer is armed for the earliest deadline since it last fired and, when it fires
// early, arms itself again: a busy connection pushes its deadline thousands of times and touches
// the timer once a minute. Its handler holds the state weakly, so it may fire after the stream is
// gone.

#include <array>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <expected>
#include <optional>

#include "server/net/stream.hpp"
#include "server/net/tls_sessions.hpp"

namespace hubkeep {

// What is still to be written. At most 16 pieces, as the contract of Stream::write says.
class Pieces {
  public:
    explicit Pieces(std::span<const asio::const_buffer> pieces);
    bool empty() const { return first_ == count_; }
    void consume(std::size_t bytes);
    std::span<const asio::const_buffer> rest() const {
        return {pieces_.data() + first_, count_ - first_};
    }
    static constexpr std::size_t limit = 16;

  private:
    std::array<asio::const_buffer, limit> pieces_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

struct Stream::State : std::enable_shared_from_this<State> {
    using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor>;
    using Tls = asio::ssl::stream<Socket&>;

    State(Socket s, std::shared_ptr<asio::ssl::context> c);

    void watch(TimePoint time);
    void progress(SteadyClock::duration stall);
    void close();
    // The error of a call on a socket that failed, or that somebody has closed meanwhile.
    std::unexpected<Error> failure(error_code ec, std::string_view doing) const;
    // To be awaited when `due()`: lets the other tasks of the thread run.
    bool due() const { return burst >= burst_bytes; }
    Task<void> rest();
    Task<error_code> wait_for(Socket::wait_type what);

    Task<Result<std::size_t>> read_tls(std::span<char> buffer);
    // Bytes taken by the system now, 0 when it has no room.
    std::expected<std::size_t, error_code> try_write(Pieces& pieces, bool more);
    Task<Result<void>> write_tls(Pieces pieces, WriteOptions options);
    Task<Result<void>> send_plain(const File& file, ByteRange range, SteadyClock::duration stall,
                                  std::uint64_t& sent);
    Task<Result<void>> send_tls(const File& file, ByteRange range, SteadyClock::duration stall,
                                std::uint64_t& sent);

    static constexpr std::size_t burst_bytes = 4 * 1024 * 1024;

    Socket socket;
    const std::shared_ptr<asio::ssl::context> context;
    TlsSessionSink sink;  // outlives the engine that points at it
    std::optional<Tls> tls;
    bool tls_ready = false;
    const Socket::endpoint_type remote;
    std::size_t burst = 0;  // bytes moved since the last wait
    bool timed_out = false;

  private:
    void arm(TimePoint time);
    Timer timer_;
    TimePoint deadline_ = TimePoint::max();
    TimePoint armed_ = TimePoint::max();
};

}  // namespace hubkeep
