#pragma once
// Pool: idle connections to other servers, used last in, first out, so that the surplus grows old.
// One per Client, on its thread. A connection is looked at before it is given out; those that
// nobody wants are swept out by a timer, which runs only while there are any. Private to
// server/http.

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <vector>

#include "server/http/client.hpp"
#include "server/http/head.hpp"

namespace hubkeep {

struct Connection {
    std::unique_ptr<Stream> stream;
    InputBuffer input;
};

struct Client::Pool : std::enable_shared_from_this<Client::Pool> {
  public:
    Pool(Executor executor, const ClientSettings& settings);

    // Null when there is none that still lives.
    std::unique_ptr<Connection> take(const Origin& origin);
    void put(const Origin& origin, std::unique_ptr<Connection> connection);
    // Nothing is kept from now on.
    void close();

  private:
    struct Idle {
        std::unique_ptr<Connection> connection;
        TimePoint since;
    };
    void sweep_later();
    void sweep();

    const SteadyClock::duration idle_time_;
    const std::size_t per_origin_;
    std::map<Origin, std::vector<Idle>> idle_;  // oldest first; no empty lists
    asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor> timer_;
    bool sweeping_ = false;
    bool closed_ = false;
};

}  // namespace hubkeep
