#pragma once
// lookup(): the addresses of a host, at most 8. A literal address needs no thread; for a name
// getaddrinfo(3) runs on a thread of its own, because it cannot be interrupted: a dead name server
// holds it for half a minute, and neither the caller nor a stop of the process may wait that long.
// The thread shares nothing with the caller but a mailbox, which the caller closes when it leaves.
// Errors: unreachable (no such host, or too many lookups hang), timed_out.

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "server/net/io_threads.hpp"

namespace hubkeep {

using Endpoints = std::vector<asio::ip::tcp::endpoint>;

Task<Result<Endpoints>> lookup(IoThread& thread, std::string host, std::uint16_t port,
                               TimePoint deadline);

}  // namespace hubkeep
