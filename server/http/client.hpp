#pragma once
// Client: requests to other servers from one io thread, over pooled HTTP/1.1 connections. Made by
// the daemon, one per io thread; used on that thread only. It follows no redirect and adds no
// credential: who asks decides both. A connection goes back to the pool only after a clean,
// complete answer. A pooled connection that turns out dead before the first answer byte is replaced
// once. Errors: unreachable, timed_out, closed, protocol.

#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "server/http/framing.hpp"
#include "server/http/message.hpp"
#include "server/net/dial.hpp"
#include "server/net/egress.hpp"
#include "server/net/name_cache.hpp"
#include "server/net/tls.hpp"

namespace hubkeep {

struct ClientSettings {
    SteadyClock::duration connect_timeout = seconds(5);
    SteadyClock::duration stall_timeout = seconds(30);  // without progress, head and body alike
    SteadyClock::duration idle_timeout = seconds(30);   // of a pooled connection
    std::size_t idle_per_origin = 16;
    std::size_t head_bytes = 16 * 1024;
    std::size_t head_fields = 100;
    std::shared_ptr<NameCache> names;          // of the process
    std::shared_ptr<const EgressProxy> proxy;  // null: connections are made directly
    std::vector<std::uint16_t> own_ports;      // where this process itself listens
};

struct ClientRequest {
    Origin origin;
    std::optional<Origin> led_by;  // see dial()
    RequestHead head;  // Host, Content-Length and hop-by-hop fields are set by the client
    // Sent as "Authorization: Bearer ..." when not empty, and never among the fields of the head.
    Secret bearer;
    std::string body;
    // For the connection, and then for the head, when less than the settings allow.
    SteadyClock::duration patience = SteadyClock::duration::max();
};

class Client;
struct Connection;

// An answer whose body is still to be read. Destroying it before the end closes the connection.
// It must not outlive the Client.
class ClientResponse {
  public:
    // An answer without a body that no server gave: what the asker gives itself in its place.
    static ClientResponse made_here(ResponseHead head);
    ClientResponse(ClientResponse&&) noexcept;
    ClientResponse& operator=(ClientResponse&&) noexcept;
    ~ClientResponse();

    const ResponseHead& head() const;
    int status() const { return head().status; }
    // Of the body that follows: 0 for an answer to HEAD, whatever its Content-Length says. Nothing
    // when the body is chunked or ends with the connection.
    std::optional<std::uint64_t> length() const;
    // True when only the end of the connection ends the body: its length proves nothing.
    bool ends_with_connection() const;
    // Up to the buffer's size, 0 at the end. A body shorter than promised is `closed`, trailers are
    // dropped. Content codings are not decoded: ask for identity.
    Task<Result<std::size_t>> read_some(std::span<char> buffer);
    // The rest as text; `limited` when longer than the limit.
    Task<Result<std::string>> read_all(std::size_t limit);

  private:
    friend class Client;
    struct State;
    explicit ClientResponse(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class Client {
  public:
    Client(IoThread& thread, ClientSettings settings, TlsContext tls);
    ~Client();
    // Sends and waits for the head of the final answer; 1xx are skipped, a few at most.
    Task<Result<ClientResponse>> send(ClientRequest request);
    // Closes idle connections and keeps none from now on, for a stop: what it leaves behind does
    // not hold up the thread. Requests are still possible.
    void close_idle();
    IoThread& thread() { return thread_; }

  private:
    friend class ClientResponse;
    struct Pool;
    struct Attempt;
    Task<Result<std::unique_ptr<Connection>>> connect(const ClientRequest& request);

    IoThread& thread_;
    const ClientSettings settings_;
    const DialSettings dial_;
    std::shared_ptr<Pool> pool_;  // shared with its timer, which may fire late
};

}  // namespace hubkeep
