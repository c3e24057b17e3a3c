// Text in messages: no terminal sequence and no token gets through, and near names are found.

#include "config/text.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hubkeep {
namespace {

const std::string token = "hf_" + std::string(34, 'k');

TEST(Text, QuotedTextIsHarmless) {
    EXPECT_EQ(in_quotes("plain"), "\"plain\"");
    EXPECT_EQ(in_quotes("a\033[2Jb\n"), "\"a\\x1b[2Jb\\x0a\"");
    const auto cut = in_quotes(std::string(1'000'000, 'x'));
    EXPECT_LT(cut.size(), 100U);
    EXPECT_TRUE(cut.ends_with("...\""));
}

TEST(Text, TokensAreMasked) {
    EXPECT_EQ(in_quotes(token), "\"hf_***\"");
    EXPECT_EQ(in_quotes("Bearer " + token + " x"), "\"Bearer hf_*** x\"");
    EXPECT_EQ(in_quotes("hf_token"), "\"hf_token\"");
    // One that begins before the cut must not show its first letters either.
    const auto late = in_quotes(std::string(75, 'x') + token);
    EXPECT_EQ(late.find("hf_k"), std::string::npos) << late;
    EXPECT_TRUE(looks_like_token(token));
    EXPECT_FALSE(looks_like_token("/etc/" + token));
    EXPECT_FALSE(looks_like_token("hf_token"));
}

TEST(Text, NearestName) {
    const std::vector<std::string> names{"max_size", "token_file", "ttl", "xet", "cert", "listen"};
    const std::vector<std::pair<std::string, std::string>> table{{"max_sise", "max_size"},
                                                                 {"maxsize", "max_size"},
                                                                 {"mxa_size", "max_size"},
                                                                 {"token", "token_file"},
                                                                 {"certificate", "cert"},
                                                                 {"tll", "ttl"},
                                                                 {"lisetn", "listen"},
                                                                 {"banana", ""},
                                                                 {"", ""},
                                                                 {"z", ""}};
    for (const auto& [word, meant] : table) EXPECT_EQ(nearest(word, names), meant) << word;
    EXPECT_EQ(nearest(std::string(1'000'000, 'm'), names), "");
}

}  // namespace
}  // namespace hubkeep
