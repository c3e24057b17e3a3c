// The small values: digests, ranges, secrets, log lines.

#include <gtest/gtest.h>

#include "common/byte_range.hpp"
#include "common/digest.hpp"
#include "common/glob.hpp"
#include "common/log.hpp"

namespace hubkeep {
namespace {

TEST(Glob, StarsTakeAnyText) {
    const std::pair<const char*, const char*> same[] = {{"", ""},
                                                        {"*", ""},
                                                        {"*", "a/b"},
                                                        {"org/*", "org/name"},
                                                        {"*/n*e", "a/b/none"},
                                                        {"a?c", "abc"},
                                                        {"**a**", "a"},
                                                        {"*.bin", "x/y.bin"}};
    for (const auto& [pattern, text] : same) EXPECT_TRUE(glob_matches(pattern, text)) << pattern;
    const std::pair<const char*, const char*> other[] = {
        {"", "a"}, {"?", ""}, {"org/*", "organ/x"}, {"a*b", "abc"}, {"A", "a"}, {"[ab]", "a"}};
    for (const auto& [pattern, text] : other) EXPECT_FALSE(glob_matches(pattern, text)) << pattern;
    EXPECT_FALSE(glob_matches(std::string(200, '*') + "b", std::string(10'000, 'a')));
}

TEST(Glob, MayTakeBothCasesForOne) {
    EXPECT_TRUE(glob_matches_any_case("Meta-Llama/*-8b", "meta-llama/LLAMA-8B"));
    EXPECT_FALSE(glob_matches_any_case("[", "{"));  // they differ by the same bit as "A" and "a"
    EXPECT_FALSE(glob_matches_any_case("meta/*", "metal/x"));
}

TEST(Digest, KnowsGitsAndPlainHashes) {
    EXPECT_EQ(digest_of(DigestKind::git_sha1, "Hello, World!").hex(),
              "b45ef6fec89518d314f546fd6c3025367b721684");
    EXPECT_EQ(digest_of(DigestKind::git_sha1, "").hex(),
              "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    EXPECT_EQ(digest_of(DigestKind::sha256, "abc").hex(),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, ParsesOnlyWholeHashesOfEitherCase) {
    const auto lower = Digest::parse("b45ef6fec89518d314f546fd6c3025367b721684");
    ASSERT_TRUE(lower);
    EXPECT_EQ(Digest::parse("B45EF6FEC89518D314F546FD6C3025367B721684"), lower);
    EXPECT_FALSE(Digest::parse("b45ef6fec89518d314f546fd6c3025367b72168"));
    EXPECT_FALSE(Digest::parse("g45ef6fec89518d314f546fd6c3025367b721684"));
    EXPECT_FALSE(Digest::parse(""));
}

TEST(Digest, AHasherCanBeMoved) {
    Hasher first(DigestKind::sha256, 3);
    first.update("a", 1);
    Hasher second = std::move(first);
    second.update("bc", 2);
    EXPECT_EQ(second.finish(), digest_of(DigestKind::sha256, "abc"));
}

struct RangeCase {
    const char* header;
    std::uint64_t size;
    std::optional<ByteRange> expected;  // of a header that parses
    bool parses = true;
};

TEST(Range, FollowsTheGrammar) {
    const RangeCase cases[] = {
        {"bytes=0-0", 10, ByteRange{0, 1}},
        {"bytes=0-9", 10, ByteRange{0, 10}},
        {"bytes=0-10", 10, ByteRange{0, 10}},
        {"bytes=9-", 10, ByteRange{9, 10}},
        {"bytes=10-", 10, std::nullopt},
        {"bytes=10-20", 10, std::nullopt},
        {"bytes=-3", 10, ByteRange{7, 10}},
        {"bytes=-30", 10, ByteRange{0, 10}},
        {"bytes=-0", 10, std::nullopt},
        {"bytes=0-", 0, std::nullopt},
        {"bytes=-1", 0, std::nullopt},
        {"BYTES=1-2", 10, ByteRange{1, 3}},
        {"bytes=0-18446744073709551615", 10, ByteRange{0, 10}},
        {"bytes=18446744073709551615-", 10, std::nullopt},
        {"bytes=0-18446744073709551616", 10, std::nullopt, false},
        {"bytes=5-4", 10, std::nullopt, false},
        {"bytes=0-1,3-4", 10, std::nullopt, false},
        {"bytes=", 10, std::nullopt, false},
        {"bytes=-", 10, std::nullopt, false},
        {"bytes=a-b", 10, std::nullopt, false},
        {"bytes=--5", 10, std::nullopt, false},
        {"bytes=+1-2", 10, std::nullopt, false},
        {"items=0-1", 10, std::nullopt, false},
        {"", 10, std::nullopt, false},
    };
    for (const auto& [header, size, expected, parses] : cases) {
        const auto range = parse_range(header);
        EXPECT_EQ(range.has_value(), parses) << header;
        if (range) {
            EXPECT_EQ(range->in(size), expected) << header;
        }
    }
}

TEST(ContentRange, IsReadStrictly) {
    const auto whole = parse_content_range("bytes 0-9/10");
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->range, (ByteRange{0, 10}));
    EXPECT_EQ(whole->total, 10);
    EXPECT_FALSE(parse_content_range("bytes 0-9/*")->total);
    for (const char* bad : {"bytes 9-0/10", "bytes 0-9/9", "bytes 0-9", "bytes */10", "0-9/10",
                            "bytes 0-18446744073709551615/18446744073709551615", ""}) {
        EXPECT_FALSE(parse_content_range(bad)) << bad;
    }
    EXPECT_EQ(format_content_range({5, 10}, 20), "bytes 5-9/20");
}

TEST(LogLine, NothingThatLooksLikeASecretGetsIn) {
    const LogField fields[] = {{"path", "/a?sig=abc"}, {"ua", "x hf_0123456789abcdefghijklmnop"}};
    for (const auto format : {LogFormat::json, LogFormat::text}) {
        const auto line = format_log_line(format, LogLevel::warn, "T", "Bearer abc123", fields);
        for (const auto* const secret : {"abc", "hf_0"}) EXPECT_EQ(line.find(secret), line.npos);
        EXPECT_NE(line.find("Bearer ***"), line.npos) << line;
        EXPECT_NE(line.find("/a?sig=***"), line.npos) << line;
        EXPECT_NE(line.find("x ***"), line.npos) << line;
    }
}

TEST(LogLine, NumbersAreWrittenOut) {
    const LogField fields[] = {{"a", 0.0},  {"b", 12.3456}, {"c", 0.9996},    {"d", -1.5},
                               {"e", 1e16}, {"f", 0.007},   {"g", INT64_MIN}, {"h", UINT64_MAX},
                               {"i", true}, {"j", false},   {"k", 100.01}};
    EXPECT_EQ(format_log_line(LogFormat::text, LogLevel::info, "T", "m", fields),
              "T info  m a=0.000 b=12.346 c=1.000 d=-1.500 e=10000000000000000.000 f=0.007 "
              "g=-9223372036854775808 h=18446744073709551615 i=true j=false k=100.010");
}

TEST(LogLine, NoValueCanForgeALineOrATerminalSequence) {
    const LogField fields[] = {{"path", std::string_view("a\nb\x1b[31m\"\\\xe2\x80\xae\xff é")},
                               {"count", 3}};
    const auto json = format_log_line(LogFormat::json, LogLevel::info, "T", "m", fields);
    EXPECT_EQ(json, R"({"time":"T","level":"info","msg":"m","path":)"
                    R"("a\u000ab\u001b[31m\"\\\u00e2\u0080\u00ae\u00ff é","count":3})");
    const auto text = format_log_line(LogFormat::text, LogLevel::warn, "T", "m\n", fields);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace hubkeep
