#include "common/base64url.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

TEST(Base64Url, VectorsOfRfc4648WithoutPadding) {
    EXPECT_EQ(to_base64url(""), "");
    EXPECT_EQ(to_base64url("f"), "Zg");
    EXPECT_EQ(to_base64url("fo"), "Zm8");
    EXPECT_EQ(to_base64url("foobar"), "Zm9vYmFy");
    EXPECT_EQ(to_base64url("\xfb\xff\xfe"), "-__-");
}

TEST(Base64Url, EveryLengthComesBack) {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
        bytes += static_cast<char>(i * 7);
    }
}

TEST(Base64Url, OneTextForEachValue) {
    for (const auto* text : {"Z", "Zh", "Zg=", "Zg==", "Zm9+", "Zm9/", " Zm8", "Zm8\n", "Z.8"}) {
        EXPECT_FALSE(from_base64url(text)) << text;
    }
}

}  // namespace
}  // namespace hubkeep
