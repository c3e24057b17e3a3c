#include "server/http/headers.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

TEST(Headers, FindsNamesWithoutCaseAndKeepsTheOrder) {
    Headers headers;
    headers.add("ETag", "\"a\"");
    headers.add("Link", "1");
    headers.add("link", "2");
    EXPECT_EQ(headers.get("etag"), "\"a\"");
    EXPECT_EQ(headers.get("LINK"), "1");
    EXPECT_EQ(headers.count("Link"), 2u);
    EXPECT_EQ(headers.get("absent"), "");
    EXPECT_FALSE(headers.has("absent"));
    headers.set("LINK", "3");
    EXPECT_EQ(headers.count("Link"), 1u);
    headers.remove("etag");
    EXPECT_EQ(headers.size(), 1u);
}

TEST(Headers, AValueCannotStartANewField) {
    Headers headers;
    headers.add("X-Name", "a\r\nSet-Cookie: b\0c");
    headers.add("X-Raw", std::string("a\0b", 3));
    EXPECT_EQ(headers.get("X-Name"), "a  Set-Cookie: b");
    EXPECT_EQ(headers.get("X-Raw"), "a b");
}

TEST(Headers, HopByHopFieldsGoWithThoseThatConnectionNames) {
    Headers headers;
    headers.add("Connection", "close, X-Private");
    headers.add("Connection", "keep-alive");
    headers.add("X-Private", "1");
    headers.add("Keep-Alive", "timeout=5");
    headers.add("Transfer-Encoding", "chunked");
    headers.add("Upgrade", "h2c");
    headers.add("TE", "trailers");
    headers.add("ETag", "\"kept\"");
    headers.remove_hop_by_hop();
    ASSERT_EQ(headers.size(), 1u);
    EXPECT_TRUE(headers.has("ETag"));
}

TEST(Headers, ListsAreSplitAtCommas) {
    EXPECT_TRUE(has_token("close", "close"));
    EXPECT_TRUE(has_token(" a ,\tClose , b", "close"));
    EXPECT_FALSE(has_token("closed", "close"));
    EXPECT_FALSE(has_token("", "close"));
    EXPECT_FALSE(has_token("not close", "close"));
}

TEST(Conditionals, IfNoneMatchComparesWeakly) {
    EXPECT_TRUE(if_none_match_hits("\"a\"", "\"a\""));
    EXPECT_TRUE(if_none_match_hits("W/\"a\"", "\"a\""));
    EXPECT_TRUE(if_none_match_hits("\"x\", W/\"a\" , \"y\"", "\"a\""));
    EXPECT_TRUE(if_none_match_hits("*", "\"a\""));
    EXPECT_TRUE(if_none_match_hits("\"a,b\"", "\"a,b\""));
    EXPECT_FALSE(if_none_match_hits("\"b\"", "\"a\""));
    EXPECT_FALSE(if_none_match_hits("a", "\"a\""));
    EXPECT_FALSE(if_none_match_hits("", "\"a\""));
    EXPECT_FALSE(if_none_match_hits("\"a,b\"", "\"b\""));
}

TEST(Conditionals, IfRangeComparesStrongly) {
    EXPECT_TRUE(if_range_holds("", "\"a\""));
    EXPECT_TRUE(if_range_holds("\"a\"", "\"a\""));
    EXPECT_FALSE(if_range_holds("W/\"a\"", "\"a\""));
    EXPECT_FALSE(if_range_holds("\"b\"", "\"a\""));
    EXPECT_FALSE(if_range_holds("Wed, 21 Oct 2015 07:28:00 GMT", "\"a\""));
}

TEST(ContentDisposition, EncodesTheName) {
    EXPECT_EQ(content_disposition("inline", "README.md"),
              "inline; filename*=UTF-8''README.md; filename=\"README.md\";");
    EXPECT_EQ(content_disposition("inline", "a b\"c\r\n\xc3\xbc;'.txt"),
              "inline; filename*=UTF-8''a%20b%22c%0D%0A%C3%BC%3B%27.txt; "
              "filename=\"a b_c____;'.txt\";");
}

TEST(Headers, ASecretIsTakenOutAndAKnownOneIsGivenBack) {
    const auto with = [](std::string_view value) {
        Headers headers;
        headers.add("authorization", value);
        headers.add("Authorization", "Bearer other");
        return headers;
    };
    auto headers = with("Bearer abc");
    const auto first = headers.take_secret("Authorization");
    EXPECT_EQ(first.reveal(), "Bearer abc");
    EXPECT_FALSE(headers.has("Authorization"));
    const auto same = with("Bearer abc").take_secret("Authorization", first);
    EXPECT_EQ(same.reveal().data(), first.reveal().data());
    for (const std::string_view text : {"Bearer abd", "Bearer abcd", "Bearer ab", "bearer abc"}) {
        EXPECT_EQ(with(text).take_secret("Authorization", first).reveal(), text);
    }
    EXPECT_TRUE(Headers().take_secret("Authorization", first).empty());
}

}  // namespace
}  // namespace hubkeep
