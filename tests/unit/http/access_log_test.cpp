#include "server/http/access_log.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

TEST(AccessLog, DropsTheValuesOfSecrets) {
    EXPECT_EQ(redact_target("/a/b"), "/a/b");
    EXPECT_EQ(redact_target("/a?recursive=true&limit=5"), "/a?recursive=true&limit=5");
    EXPECT_EQ(redact_target("/a?token=hf_x&limit=5"), "/a?token=&limit=5");
    EXPECT_EQ(redact_target("/a?X-Amz-Signature=1&X-Amz-Date=2"),
              "/a?X-Amz-Signature=&X-Amz-Date=");
    EXPECT_EQ(redact_target("/a?Policy=p&Key-Pair-Id=k&Signature=s"),
              "/a?Policy=&Key-Pair-Id=k&Signature=");
    EXPECT_EQ(redact_target("/a?client_secret=1&AUTHorization=2&key=3&access_token=4&sig=5"),
              "/a?client_secret=&AUTHorization=&key=&access_token=&sig=");
    EXPECT_EQ(redact_target("/a?token"), "/a?token");
    EXPECT_EQ(redact_target("/a?"), "/a");
    EXPECT_LE(redact_target("/" + std::string(9000, 'x')).size(), 2048u);
}

}  // namespace
}  // namespace hubkeep
