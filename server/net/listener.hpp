#pragma once
// Listener: accepts on one address and hands each connection to an io thread, round robin. Lives on
// io thread 0. Running out of descriptors makes it wait 100 ms instead of spinning. At `max_open`
// streams of the process, clients' and others, it stops accepting until one ends.

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
    std::string host() const;
    std::uint16_t port() const;
    void start();
    // From any thread; no connection is accepted after it has run on thread 0.
    void stop();

  private:
    struct State;
    explicit Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

}  // namespace hubkeep
