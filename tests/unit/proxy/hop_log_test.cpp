#include "server/proxy/hop_log.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

TEST(FieldsForLog, LeaveSecretsOutByTheirNames) {
    Headers headers;
    headers.add("Set-Cookie", "session=1");
    headers.add("ETag", "\"abc\"");
    headers.add("x-xet-access-token", "short");
    headers.add("Location", "https://cdn/x?Unknown-Signature=1&y=2");
    EXPECT_EQ(fields_for_log(headers),
              "Set-Cookie: *** | ETag: \"abc\" | x-xet-access-token: *** | "
              "Location: https://cdn/x?***");
    EXPECT_EQ(fields_for_log({}), "");
}

TEST(TargetForLog, LeavesOutTheQueryWhereARedirectLed) {
    ClientRequest request;
    request.head.target = "/a/b?Unknown-Signature=1&y=2?z";
    EXPECT_EQ(target_for_log(request), request.head.target);
    request.led_by.emplace();
    EXPECT_EQ(target_for_log(request), "/a/b");
    request.head.target = "/a/b";
    EXPECT_EQ(target_for_log(request), "/a/b");
}

}  // namespace
}  // namespace hubkeep
