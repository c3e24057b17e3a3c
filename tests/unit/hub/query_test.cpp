// One question, many spellings, one key.

#include "server/hub/query.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

TEST(Query, IsDecodedOnceInOrder) {
    const QueryParameters expected{{"b", "1"}, {"a", "x y"}, {"a", "+%20"}, {"c", ""}, {"d", "="}};
    EXPECT_EQ(parse_query("b=1&a=x+y&&a=%2B%2520&c&d=="), expected);
    EXPECT_TRUE(parse_query("").empty());
    EXPECT_TRUE(parse_query("&&").empty());
}

TEST(Query, WhatCannotBeDecodedStays) {
    const QueryParameters expected{{"a", "%zz"}, {"b%", "1"}, {"c", "%00"}};
    EXPECT_EQ(parse_query("a=%zz&b%=1&c=%00"), expected);
}

TEST(Query, ValuesAndFlags) {
    EXPECT_EQ(query_value("a=1&a=2", "a"), "1");
    EXPECT_FALSE(query_value("a=1", "b"));
    for (const auto* on : {"x", "x=", "x=1", "x=true", "x=True", "y=0&x=TRUE"}) {
        EXPECT_TRUE(query_flag(on, "x")) << on;
    }
    for (const auto* off : {"", "x=0", "x=false", "x=False", "x=no", "y=1", "xx=1"}) {
        EXPECT_FALSE(query_flag(off, "x")) << off;
    }
}

TEST(Query, ResolveCacheQueriesHaveAPathAsKey) {
    EXPECT_EQ(parse_query("%2Fo%2Fn%2Fresolve%2Fmain%2Fx=&etag=%22ab%22"),
              (QueryParameters{{"/o/n/resolve/main/x", ""}, {"etag", "\"ab\""}}));
}

TEST(Query, TreeSpellings) {
    for (const auto* same :
         {"recursive=true&expand=false", "recursive=True&expand=False", "expand=0&recursive=1",
          "recursive=true", "recursive=true&recursive=true", "recursive=TRUE&unknown=7"}) {
        EXPECT_EQ(normalised_query(same, tree_parameters), "recursive=true") << same;
    }
    for (const auto* none : {"", "recursive=false&expand=False", "expand=0", "x=y", "&"}) {
        EXPECT_EQ(normalised_query(none, tree_parameters), "") << none;
    }
}

TEST(Query, CursorAlwaysStays) {
    EXPECT_EQ(normalised_query("cursor=ab%3D%3D&recursive=1&limit=50", tree_parameters),
              "cursor=ab%3D%3D&limit=50&recursive=true");
    EXPECT_EQ(normalised_query("cursor=false", {}), "cursor=false");
    EXPECT_EQ(normalised_query("cursor=", refs_parameters), "cursor=");
}

TEST(Query, ListsInAnyForm) {
    for (const auto* same : {"expand=sha&expand=siblings", "expand[]=siblings&expand[]=sha",
                             "expand%5B%5D=sha&expand=siblings&expand=sha"}) {
        EXPECT_EQ(normalised_query(same, info_parameters), "expand=sha&expand=siblings") << same;
    }
}

TEST(Query, WhatDiffersStaysDifferent) {
    EXPECT_NE(normalised_query("blobs=true", info_parameters),
              normalised_query("securityStatus=true", info_parameters));
    EXPECT_NE(normalised_query("limit=1", tree_parameters),
              normalised_query("limit=true", tree_parameters));
    EXPECT_NE(normalised_query("expand=a%26b", info_parameters),
              normalised_query("expand=a&b", info_parameters));
    EXPECT_EQ(normalised_query("include_prs=True", refs_parameters), "include_prs=1");
}

TEST(Query, NormalisingTwiceChangesNothing) {
    for (const auto* query :
         {"expand[]=a b&blobs=1&full=0", "expand=%2B&expand=+", "cursor=a%2Fb"}) {
        const auto once = normalised_query(query, info_parameters);
        EXPECT_EQ(normalised_query(once, info_parameters), once);
    }
}

}  // namespace
}  // namespace hubkeep
