#pragma once
// CHECK guards invariants in every build: a broken one is a bug, and going on would risk the store.

#include <cstdio>
#include <cstdlib>

namespace hubkeep::detail {
[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
    std::fprintf(stderr, "hubkeep: broken invariant %s at %s:%d\n", what, file, line);
    std::abort();
}
}  // namespace hubkeep::detail

#define CHECK(condition) \
    ((condition) ? void(0) : ::hubkeep::detail::check_failed(#condition, __FILE__, __LINE__))
