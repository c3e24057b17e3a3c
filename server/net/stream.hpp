#pragma once
// Stream: one connection (TCP, or accepted at a socket file), plain or TLS, with one deadline.
// Owned by a session or by the client's pool, on one io thread. The deadline is a variable that one
// watchdog enforces: when it passes, the socket is closed and the pending call returns timed_out,
// as does every later one. One call may be pending per direction. Calls try the socket first and
// wait only when it is not ready; after 256 KiB without a wait they let the other sessions of the
// thread run. Errors: closed, timed_out, protocol (TLS), io.

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/byte_range.hpp"
#include "common/file.hpp"
#include "common/frames.hpp"
#include "common/result.hpp"
#include "common/task.hpp"
#include "server/net/io_threads.hpp"

namespace hubkeep {

// Of any family: the data path is one, whatever the address looks like.
using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
// Nothing when it is not one of TCP.
std::optional<asio::ip::tcp::endpoint> tcp_endpoint(const Socket::endpoint_type& endpoint);

struct WriteOptions {
    // More follows at once: the system may wait a moment (200 ms at most) to fill its packets.
    bool more = false;
    // When not zero, each progress pushes the deadline this far.
    SteadyClock::duration stall{};
};

class TlsSessions;

class Stream {
  public:
    // Plain when `tls` is null. The context is kept alive by the stream.
    Stream(IoThread& thread, Socket socket, std::shared_ptr<asio::ssl::context> tls);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Server side; for a plain stream it does nothing.
    Task<Result<void>> accept_tls();
    // After it: the name in the certificate that the client showed, "" when it showed none.
    std::string peer_certificate() const;
    // Before connect_tls(): resumes a session with that server when there is one, and hands in the
    // new ones. A session vouches for the host: it was made by a connection that was verified.
    void resume(std::shared_ptr<TlsSessions> sessions, std::string server);
    // Client side: SNI, chain and host name are checked (RFC 6125), TLS 1.2 at least.
    Task<Result<void>> connect_tls(std::string host);

    // Until read_some() has something to say. An idle connection that waits here needs no buffer.
    Task<Result<void>> wait_for_input();
    // 0 at the orderly end of the other side's stream.
    Task<Result<std::size_t>> read_some(std::span<char> buffer);
    // Writes all of up to 16 pieces, as one system call where possible.
    Task<Result<void>> write(std::span<const asio::const_buffer> pieces, WriteOptions options = {});
    // Sends a part of a file that is not being truncated: by sendfile(2) on a plain stream, and on
    // TLS where the kernel encrypts, else by large reads. What is not in
    // memory, as samples tell, is read by other threads first. Pushes the deadline by `stall` on
    // each progress. A file that is shorter than the range is `corrupt`. `sent` counts the bytes as
    // they leave.
    Task<Result<void>> send_file(const File& file, ByteRange range, SteadyClock::duration stall,
                                 std::uint64_t* sent = nullptr);
    // The same with a header before each frame: a part of that layout, which may begin and end
    // inside a header. `sent` counts headers, too.
    Task<Result<void>> send_frames(const File& file, Frames frames, ByteRange physical,
                                   SteadyClock::duration stall, std::uint64_t* sent = nullptr);

    void expires_after(SteadyClock::duration time);
    void expires_never();
    // Says goodbye on TLS, half-closes, and drops; bounded by two seconds.
    Task<void> shutdown();
    // At once, from the stream's own thread; pending calls return closed.
    void close();
    // Closes with a reset, so that the other side cannot take a short body for a whole one.
    void reset();
    bool is_open() const;
    // True when the other side has closed or has sent something: an idle pooled connection with
    // either must not be used again.
    bool has_input_or_eof();
    // True when the other side has closed or reset. Input that waits in front of it hides an end.
    bool peer_gone() const;
    std::string peer() const;  // "127.0.0.1:5555", "[::1]:5555", "unix" or "unknown"
    IoThread& thread() { return thread_; }

  private:
    struct State;
    IoThread& thread_;
    std::shared_ptr<State> state_;  // shared with the watchdog's timer, which may fire late
    friend class IoThread;
    std::size_t place_ = 0;  // in IoThread's list
};

}  // namespace hubkeep
