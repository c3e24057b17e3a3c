#include <gtest/gtest.h>

#include "server/net/dial.hpp"

namespace hubkeep {
namespace {

TEST(Url, TakesOriginAndTargetApart) {
    const struct {
        std::string_view text;
        Origin origin;
        std::string_view target;
    } cases[] = {
        {"http://host", {false, "host", 80}, "/"},
        {"HTTPS://Hub.Example.CO/a/b?c=d", {true, "hub.example.co", 443}, "/a/b?c=d"},
        {"http://127.0.0.1:8090/", {false, "127.0.0.1", 8090}, "/"},
        {"https://[::1]:444/x", {true, "::1", 444}, "/x"},
        {"https://[::1]", {true, "::1", 443}, "/"},
        {"http://host?x=1", {false, "host", 80}, "/?x=1"},
        {"http://1.hub.example/x", {false, "1.hub.example", 80}, "/x"},
        {"http://a_b.c-d/%20%41", {false, "a_b.c-d", 80}, "/%20%41"},
        {"http://host/a@b:c", {false, "host", 80}, "/a@b:c"},
    };
    for (const auto& c : cases) {
        const auto url = parse_url(c.text);
        ASSERT_TRUE(url) << c.text;
        EXPECT_EQ(url->origin, c.origin) << c.text;
        EXPECT_EQ(url->target, c.target) << c.text;
    }
}

TEST(Url, RefusesWhatCouldMeanAnotherHost) {
    for (const std::string_view text : {"",
                                        "host",
                                        "//host/",
                                        "ftp://host/",
                                        "file:///etc/passwd",
                                        "http://",
                                        "http:///x",
                                        "http://user@host/",
                                        "http://user:word@host/",
                                        "http://host:0/",
                                        "http://host:65536/",
                                        "http://host:/",
                                        "http://host:8 0/",
                                        "http://host:-1/",
                                        "http://ho st/",
                                        "http://host#x",
                                        "http://host/#x",
                                        "http://host\\@evil/",
                                        "http://[::1/",
                                        "http://[::1]x/",
                                        "http://[host]/",
                                        "http://a:b:c/",
                                        "http://%68ost/",
                                        "http://127.1/",
                                        "http://2130706433/",
                                        "http://0x7f.0.0.1/",
                                        "http://0177.0.0.1/",
                                        "http://127.0.0.0x1/",
                                        "http://127.0.0.1./",
                                        "http://256.0.0.1/",
                                        "http://h\xc3\xb6st/",
                                        "http://host/\r\nX: y",
                                        "http://host/\x7f"}) {
        EXPECT_FALSE(parse_url(text)) << text;
    }
    EXPECT_FALSE(parse_url("http://host/" + std::string(17000, 'x')));
    EXPECT_FALSE(parse_url("http://" + std::string(300, 'x') + "/"));
}

TEST(Url, AnErrorDoesNotRepeatASignedUrl) {
    const auto url = parse_url("https://cdn/x?Signature=opensesame#");
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().message.find("opensesame"), std::string::npos);
}

TEST(Origin, IsWrittenWithThePortOnlyWhenItIsUnusual) {
    EXPECT_EQ((Origin{true, "host", 443}.url()), "https://host");
    EXPECT_EQ((Origin{true, "host", 80}.url()), "https://host:80");
    EXPECT_EQ((Origin{false, "host", 80}.authority()), "host");
    EXPECT_EQ((Origin{false, "::1", 8090}.authority()), "[::1]:8090");
}

}  // namespace
}  // namespace hubkeep
