#pragma once
// The inside of a Stream, private to server/net: the socket, the TLS engine over it, and the
// watchdog. The timer is armed for the earliest deadline since it last fired and, when it fires
// early, arms itself again: a busy connection pushes its deadline thousands of times and touches
// the timer once a minute. Its handler holds the state weakly, so it may fire after the stream is
// gone.

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <expected>
#include <optional>

#include "server/net/stream.hpp"
#include "server/net/tls_engine.hpp"
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

    State(IoThread& t, Socket s, std::shared_ptr<asio::ssl::context> c);

    void watch(TimePoint time);
    void progress(SteadyClock::duration stall);
    void close();
    // The error of a call on a socket that failed, or that somebody has closed meanwhile.
    std::unexpected<Error> failure(error_code ec, std::string_view doing) const;
    // To be awaited when `due()`: lets the other tasks of the thread run.
    bool due() const {
        const bool has_company = thread.open_streams() > few_streams;
        return burst >= (has_company ? burst_bytes : burst_bytes_of_few);
    }
    Task<void> rest();
    Task<error_code> wait_for(Socket::wait_type what);
    // Until the socket is ready for what the step asks for.
    Task<error_code> wait_for(const Step& step);

    Task<error_code> handshake(Step (TlsEngine::*go_on)());
    // Each does what can be done now. What write_now() has to write stays the same while it waits.
    Step read_now(std::span<char> buffer);
    Step write_now(const Pieces& pieces, bool more);
    Step write_encrypted(const Pieces& pieces);
    // Of the physical range, what can go now; at least its first frame's part, where there is room.
    Step send_now(const File& file, const Frames& frames, ByteRange physical);
    Step send_front(const File& file, const Frames& frames, ByteRange physical, bool more);
    Step send_data(const File& file, ByteRange range);
    Step send_encrypted(const File& file, const Frames& frames, ByteRange physical);
    void moved(const Step& step, SteadyClock::duration stall);

    // What may move before the others of the thread get their turn. Small, so that many large
    // answers hold up no small one (16 of them for 2 ms); and what is in a processor's cache when
    // the socket takes it is still there when the network does: 2 MiB cost a half more per byte.
    // With hardly any others, each turn is a look for them in vain.
    static constexpr std::size_t burst_bytes = 256 * 1024;
    static constexpr std::size_t burst_bytes_of_few = 2 * 1024 * 1024;
    static constexpr std::size_t few_streams = 2;

    IoThread& thread;
    Socket socket;
    const std::shared_ptr<asio::ssl::context> context;
    TlsSessionSink sink;  // outlives the engine that points at it
    std::optional<TlsEngine> tls;
    FileWay way = FileWay::sendfile;  // for certain after the handshake
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
