#include "server/hub/whoami.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace hubkeep {
namespace {

TEST(Whoami, HasWhatClientsLookAt) {
    EXPECT_EQ(boost::json::parse(whoami_document("a\"b", "ml")), boost::json::parse(R"({
        "type": "user", "name": "a\"b", "fullname": "a\"b",
        "auth": {"type": "access_token", "accessToken": {"displayName": "hubkeep", "role": "read"}},
        "orgs": [{"type": "org", "name": "ml", "fullname": "ml"}]})"));
    EXPECT_EQ(boost::json::parse(whoami_document("ci", "")).at("orgs"), boost::json::array());
}

}  // namespace
}  // namespace hubkeep
