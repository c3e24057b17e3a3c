#pragma once
// Listener: accepts on one address, or at a socket file, and hands each connection to an io thread,
// round robin. Lives on io thread 0. A socket file is its owner's alone (mode 0600); one that a
// dead process has left is replaced, one where somebody answers is not; it goes when the listener
// stops. Running out of descriptors makes it wait 100 ms instead of spinning. At `max_open` streams
// of the process, clients' and others, it stops accepting until one ends.

#include <functional>
#include <memory>
#include <string>

#include "common/result.hpp"
#include "server/net/io_threads.hpp"
#include "server/net/stream.hpp"

namespace hubkeep {

struct ListenAddress {
    std::string host;  // an address, or "" for all
    std::uint16_t port = 0;
    std::string socket_file;  // an absolute path; when it is set, host and port mean nothing
};

class Listener {
  public:
    // Called on the io thread that the connection was given to.
    using OnConnection = std::function<void(IoThread&, Socket)>;

    // Binds at once; port 0 takes a free one. Errors name the address and what to do.
    static Result<std::unique_ptr<Listener>> open(IoThreads& threads, const ListenAddress& address,
                                                  OnConnection on_connection, Log& log,
                                                  std::size_t max_open = 16 * 1024);
    ~Listener();
    // "127.0.0.1:8090", "[::1]:8090", "unix:/path".
    std::string address() const;
    std::string host() const;    // "" at a socket file
    std::uint16_t port() const;  // 0 at a socket file
    void start();
    // From any thread; no connection is accepted after it has run on thread 0.
    void stop();

  private:
    struct State;
    explicit Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

}  // namespace hubkeep
