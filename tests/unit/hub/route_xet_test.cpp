// Addresses of Xet tokens: which of them hubkeep answers, and that none is passed on.

#include <gtest/gtest.h>

#include "server/hub/route.hpp"

namespace hubkeep {
namespace {

using Kind = Route::Kind;

// The Hub's router takes no notice of case, and its answers would lead clients past us.
TEST(Route, NoXetTokenIsAskedForUnderAnotherSpelling) {
    for (const std::string_view target :
         {"/api/models/o/n/Xet-Read-Token/main", "/api/models/o/n/XET-WRITE-TOKEN/main",
          "/api/models/o/n/xet%2DRead-token", "/api/models/gpt2/Xet-Read-Token/main",
          "/api/models/o/n/settings/xet-write-token", "/api/buckets/o/n/xet-read-token",
          "/api/buckets/o/n/Xet-Write-Token", "/api/unheard-of/xet-read-token"}) {
        const auto route = parse_route("GET", target);
        EXPECT_EQ(name_of(route.kind), "bad") << target;
        EXPECT_EQ(route.status, 404) << target;
    }
    EXPECT_EQ(parse_route("GET", "/api/models/xet-team/n/likers").kind, Kind::api_other);
    EXPECT_EQ(parse_route("GET", "/o/n/resolve/main/Xet-Read-Token").kind, Kind::resolve);
}

}  // namespace
}  // namespace hubkeep
