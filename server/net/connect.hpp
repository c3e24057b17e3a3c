#pragma once
// connect_any(): a TCP connection to one of some addresses, by happy eyeballs (RFC 8305): the
// families alternate, beginning with that of the first address; each attempt gets 250 ms before the
// next one starts beside it, a failed one starts the next at once; the first that connects wins and
// the others are closed. On the io thread. Errors: unreachable (of the last attempt), timed_out.

#include "server/net/lookup.hpp"
#include "server/net/stream.hpp"

namespace hubkeep {

// The order of attempts.
Endpoints interleaved(const Endpoints& endpoints);

Task<Result<Socket>> connect_any(IoThread& thread, Endpoints endpoints, TimePoint deadline);

}  // namespace hubkeep
