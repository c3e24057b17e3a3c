#include "server/hub/rate_limit.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

TEST(RateLimit, ReadsWhatTheHubSends) {
    const auto limit = parse_rate_limit(R"("resolvers";r=2997;t=258)");
    ASSERT_TRUE(limit);
    EXPECT_EQ(limit->bucket, "resolvers");
    EXPECT_EQ(limit->left, 2997u);
    EXPECT_EQ(limit->reset_seconds, 258);
    const auto policy = parse_rate_limit_policy(R"("fixed window";"resolvers";q=3000;w=300)");
    ASSERT_TRUE(policy);
    EXPECT_EQ(policy->bucket, "resolvers");
    EXPECT_EQ(policy->quota, 3000u);
    EXPECT_EQ(policy->window_seconds, 300);
}

TEST(RateLimit, WritesWhatItReads) {
    const std::string limit = R"("api";r=0;t=12)";
    EXPECT_EQ(to_text(*parse_rate_limit(limit)), limit);
    const std::string policy = R"("fixed window";"api";q=500;w=300)";
    EXPECT_EQ(to_text(*parse_rate_limit_policy(policy)), policy);
}

TEST(RateLimit, TakesOrderSpacesAndMoreLimitsAsTheyCome) {
    EXPECT_EQ(to_text(*parse_rate_limit(R"( "api" ; t=5 ; r=7 ; pk=:x:, "b";r=1;t=1)")),
              R"("api";r=7;t=5)");
    EXPECT_EQ(parse_rate_limit(R"("a";r=1;t=99999)")->reset_seconds, 3600) << "an hour at most";
    EXPECT_EQ(to_text(*parse_rate_limit_policy(R"("api";q=500;w=300)")),
              R"("fixed window";"api";q=500;w=300)");
}

TEST(RateLimit, NothingIsGuessed) {
    for (const auto* text :
         {"", "\"api\"", "\"api\";r=1", "\"api\";t=1", "r=1;t=1", "\"api;r=1;t=1", "\"\";r=1;t=1",
          "\"api\";r=-1;t=1", "\"api\";r=1;t=x", "\"a\rb\";r=1;t=1", "\"a\\\"b\";r=1;t=1",
          "\"api\";r=99999999999999999999;t=1", ";;;",
          "\"0123456789012345678901234567890123\";r=1;"
          "t=1"}) {
        EXPECT_FALSE(parse_rate_limit(text)) << text;
    }
    EXPECT_FALSE(parse_rate_limit_policy("\"fixed window\";\"api\";q=500"));
}

TEST(RateLimit, TargetsBelongToTheHubsBuckets) {
    EXPECT_EQ(bucket_of("/org/name/resolve/main/x"), Bucket::resolvers);
    EXPECT_EQ(bucket_of("/datasets/org/name/resolve/main/api/x?download=1"), Bucket::resolvers);
    EXPECT_EQ(bucket_of("/api/resolve-cache/models/o/n/0/x"), Bucket::resolvers);
    EXPECT_EQ(bucket_of("/api/models/o/n/tree/main"), Bucket::api);
    EXPECT_EQ(bucket_of("/api/models?search=/resolve/"), Bucket::api);
    EXPECT_EQ(bucket_of("/org/name?x=/resolve/"), Bucket::pages);
    EXPECT_EQ(bucket_of("/org/name/raw/main/README.md"), Bucket::pages);
}

}  // namespace
}  // namespace hubkeep
