#include "server/net/descriptors.hpp"

#include <sys/resource.h>

namespace hubkeep {
namespace {

// What every POSIX system grants; meant when it does not say.
constexpr std::size_t least = 256;

}  // namespace

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return least;
    rlimit wanted = limit;
    wanted.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) limit = wanted;
    return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace hubkeep
