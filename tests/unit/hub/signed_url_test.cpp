#include "server/hub/signed_url.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

TEST(SignedUrl, TellsTheLastSecondInEachVendorsWay) {
    EXPECT_EQ(signed_until("Expires=1763753400&Policy=x&Signature=y&Key-Pair-Id=z"), 1763753400);
    EXPECT_EQ(signed_until("response-content-type=a%3Db&Expires=1763753400.250"), 1763753400);
    EXPECT_EQ(signed_until("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20251121T193000Z"
                           "&X-Amz-Expires=3600"),
              1763753400 + 3600);
    EXPECT_EQ(signed_until("X-Goog-Date=20251121T193000Z&X-Goog-Expires=60"), 1763753400 + 60);
    EXPECT_EQ(signed_until("sv=2021&se=2025-11-21T19%3A30%3A00Z&sig=x"), 1763753400);
}

TEST(SignedUrl, SaysNothingWhereTheQueryDoesNot) {
    for (const auto* query :
         {"", "download=true", "Expires=", "Expires=soon", "Expires=-5",
          "Expires=99999999999999999999", "se=2025-11-21", "se=2025-13-21T19:30:00Z",
          "se=2025-02-30T19:30:00Z", "se=2025-11-21T24:30:00Z", "se=2025-11-21T19:30:00+01",
          "X-Amz-Date=20251121T193000Z", "X-Amz-Expires=3600",
          "X-Amz-Date=yesterday&X-Amz-Expires=3600",
          "X-Amz-Date=20251121T193000Z&X-Amz-Expires="}) {
        EXPECT_EQ(signed_until(query), std::nullopt) << query;
    }
}

}  // namespace
}  // namespace hubkeep
