// The token of administration: made once, the owner's alone, and never guessed at.

#include "config/admin_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/values.hpp"
#include "folder.hpp"

namespace hubkeep {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class AdminToken : public ::testing::Test {
  protected:
    AdminToken() { settings_.data_dir = folder_.path(""); }

    Folder folder_;
    Settings settings_;
};

TEST_F(AdminToken, IsMadeAtTheFirstStartAndStays) {
    EXPECT_EQ(read_admin_token(settings_).error().kind, ErrorKind::not_found);
    const auto made = read_or_make_admin_token(settings_);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_THAT(std::string(made->reveal()), MatchesRegex("[0-9a-f]{40}"));
    EXPECT_EQ(permissions_of(folder_.path("admin-token")).value(), 0600U);
    EXPECT_TRUE(made->equals(read_or_make_admin_token(settings_).value().reveal()));
    EXPECT_TRUE(made->equals(read_admin_token(settings_).value().reveal()));
}

TEST_F(AdminToken, IsAnotherOneElsewhere) {
    Folder other;
    const auto first = read_or_make_admin_token(settings_);
    settings_.data_dir = other.path("");
    EXPECT_FALSE(first->equals(read_or_make_admin_token(settings_).value().reveal()));
}

TEST_F(AdminToken, IsReadFromTheFileThatTheOperatorNames) {
    settings_.admin.token_file = folder_.write("secret", "chosen\n");
    EXPECT_EQ(read_or_make_admin_token(settings_).value().reveal(), "chosen");
    settings_.admin.token_file = folder_.path("absent");
    EXPECT_EQ(read_or_make_admin_token(settings_).error().kind, ErrorKind::not_found);
    EXPECT_FALSE(std::filesystem::exists(folder_.path("absent")));
}

TEST_F(AdminToken, ThatOthersCanReadIsRefused) {
    folder_.write("admin-token", "seen", 0640);
    EXPECT_THAT(read_or_make_admin_token(settings_).error().message, HasSubstr("chmod 600"));
}

TEST(AdminAddress, IsAPortOrASocketFile) {
    AdminAddress address;
    ASSERT_TRUE(read_value(":9000", address));
    EXPECT_EQ(address, (AdminAddress{{"", 9000}, {}}));
    ASSERT_TRUE(read_value("unix:/run/a.sock", address));
    EXPECT_EQ(address, (AdminAddress{{}, "/run/a.sock"}));
    EXPECT_EQ(write_value(address), "unix:/run/a.sock");
    const std::string longest = "unix:/" + std::string(106, 'x');
    EXPECT_TRUE(read_value(longest, address));
    EXPECT_THAT(read_value(longest + "x", address).error().message, HasSubstr("at most 107"));
    EXPECT_THAT(read_value("unix:a.sock", address).error().message, HasSubstr("absolute path"));
    EXPECT_THAT(read_value("unix:/run/", address).error().message, HasSubstr("absolute path"));
    EXPECT_FALSE(read_value("unix:", address));
    EXPECT_EQ(write_value(address), longest) << "a mistake has changed the value";
}

}  // namespace
}  // namespace hubkeep
