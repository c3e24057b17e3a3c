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

}  // namespace
}  // namespace hubkeep
