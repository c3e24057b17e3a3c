#pragma once
// Session: serves the requests of one connection in order. Owned by its task on one io thread. It
// reads a head (16 KiB, 100 fields, 10 s), refuses what framing refuses (400 and close), calls the
// handler, then keeps the connection or closes it. Idle connections are kept for 75 s. A session
// never throws and never closes a connection unanswered, except on a broken framing of the answer:
// then it resets, so that a short body is never taken for a whole one.

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_set>

#include "common/byte_range.hpp"
#include "common/file.hpp"
#include "common/frames.hpp"
#include "common/log.hpp"
#include "common/secret.hpp"
#include "server/http/message.hpp"
#include "server/http/request_counts.hpp"
#include "server/net/stream.hpp"
#include "server/net/tls.hpp"

namespace hubkeep {

struct SessionLimits {
    std::size_t connections = SIZE_MAX;  // above it, a connection gets one answer (over_limit)
    std::size_t head_bytes = 16 * 1024;
    std::size_t head_fields = 100;
    SteadyClock::duration head_time = seconds(10);   // from the first byte of a head to its last
    SteadyClock::duration idle_time = seconds(75);   // between requests; clients keep theirs 5-60 s
    SteadyClock::duration stall_time = seconds(60);  // without progress of a body
    bool open_to_pages =
        true;  // answers carry CORS fields, so that pages of any site may read them
};

// What the access log says about one request, filled in by the handlers.
struct RequestRecord {
    std::string_view cache = "none";  // hit, miss, joined, stale, revalidated, bypass, none
    std::uint64_t upstream_bytes = 0;
    std::string rule;  // of the operator, that refused it
    std::string user;  // the client's name, "" when it is anonymous
    std::string team;
};

// One request and the one answer to it. Lives during Handler::handle, on the session's thread.
class Exchange {
  public:
    virtual ~Exchange() = default;

    // Without the fields Authorization, which is kept apart, Proxy-Authorization and Cookie, which
    // are of no use here.
    virtual const RequestHead& request() const = 0;
    // The value of the field Authorization, "" when there is none.
    virtual const Secret& authorization() const = 0;
    virtual const std::string& request_id() const = 0;  // the client's X-Request-Id or a new one
    virtual bool over_tls() const = 0;
    // There are more connections than allowed and this is one too many: refuse, in words. It is
    // closed after the answer.
    virtual bool over_limit() const = 0;
    virtual const std::string& peer() const = 0;
    // The verified name in the client's certificate, "" when it showed none; any bytes.
    virtual const std::string& peer_certificate() const = 0;
    virtual IoThread& thread() = 0;
    virtual RequestRecord& record() = 0;

    // The request's body; sends 100 Continue first when asked to. invalid when over the limit,
    // closed or timed_out when it does not come. To be called before the answer begins.
    virtual Task<Result<std::string>> read_body(std::size_t limit) = 0;

    // Exactly once, unless respond() is used. The head carries Content-Length, or else the body is
    // sent chunked (HTTP/1.0: until close). Adds Date, Server, X-Request-Id, CORS and Connection.
    // The body of an answer to HEAD is swallowed by send(), send_file() and send_frames(). An error
    // means that the client is lost: there is nobody left to tell. A body that ends short of its
    // Content-Length is cut with a reset.
    virtual Task<Result<void>> send_head(ResponseHead head) = 0;
    virtual Task<Result<void>> send(std::span<const char> piece) = 0;
    virtual Task<Result<void>> send_file(const File& file, ByteRange range) = 0;
    // A part of what the file looks like with a header before each frame.
    virtual Task<Result<void>> send_frames(const File& file, Frames frames, ByteRange physical) = 0;
    // The head with Content-Length, and the body. A Content-Length in the head of an answer to HEAD
    // is kept.
    virtual Task<Result<void>> respond(ResponseHead head, std::string body) = 0;
    // The same with a body that stays where it is until the call returns.
    virtual Task<Result<void>> respond_with(ResponseHead head, std::string_view body) = 0;
    // Cuts the connection: what was promised cannot be delivered.
    virtual void abort() = 0;
    virtual bool head_sent() const = 0;
    // True when the client has closed or reset the connection, as far as can be seen now.
    virtual bool client_gone() const = 0;
};

class Handler {
  public:
    virtual ~Handler() = default;
    // Must answer. Exceptions are bugs and become a 500 (or a cut, once the head is out).
    virtual Task<void> handle(Exchange& exchange) = 0;
};

class SessionImpl;

// What all sessions share: constant after construction but for `draining`.
class SessionHub {
  public:
    SessionHub(Handler& handler, Log& log, ServerTls& tls, SessionLimits limits);
    // The task of one connection; spawn it on the thread's TaskGroup.
    Task<void> serve(IoThread& thread, Socket socket);
    // From any thread: answers carry Connection: close from now on, idle connections end.
    void drain(IoThreads& threads);
    // Connections being served now, any thread.
    std::size_t open() const { return open_.load(); }
    const RequestCounts& counts() const { return counts_; }

  private:
    friend class SessionImpl;
    Handler& handler_;
    Log& log_;
    ServerTls& tls_;
    const SessionLimits limits_;
    std::atomic<bool> draining_{false};
    std::atomic<std::size_t> open_{0};
    RequestCounts counts_;
    std::atomic<std::uint64_t> next_id_;
    std::mutex mutex_;
    std::unordered_set<SessionImpl*> sessions_;  // under mutex_; each is used on its own thread
};

}  // namespace hubkeep
