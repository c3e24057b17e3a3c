// The Hub's answers as they were recorded, and what must not pass for one.

#include "server/hub/metadata.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace hubkeep {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string commit = "0123456789abcdef0123456789abcdef01234567";
const std::string sha1 = "89abcdef0123456789abcdef0123456789abcdef";
const std::string sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string xet = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

using Fields = std::map<std::string, std::string>;

HeaderLookup in(const Fields& fields) {
    return [&fields](std::string_view name) -> std::string_view {
        const auto found = fields.find(std::string(name));
        return found == fields.end() ? std::string_view{} : found->second;
    };
}

std::string error_of(int status, const Fields& fields) {
    const auto result = read_metadata(status, in(fields));
    if (result) return "no error";
    EXPECT_EQ(result.error().kind, ErrorKind::protocol);
    return result.error().message;
}

TEST(Metadata, SmallFileFromResolveCache) {
    const Fields fields{{"etag", '"' + sha1 + '"'},
                        {"x-repo-commit", commit},
                        {"content-length", "570"},
                        {"content-disposition", "inline; filename=\"config.json\";"},
                        {"x-hub-cache", "MISS"}};
    const auto metadata = read_metadata(200, in(fields));
    ASSERT_TRUE(metadata);
    EXPECT_EQ(metadata->commit, commit);
    EXPECT_EQ(metadata->blob, Digest::parse(sha1));
    EXPECT_EQ(metadata->blob.kind, DigestKind::git_sha1);
    EXPECT_EQ(metadata->size, 570);
}

TEST(Metadata, LfsFileFromTheRedirectToTheCdn) {
    const Fields fields{{"content-length", "1369"},
                        {"location", "https://us.aws.cdn.hf.co/x?Expires=1"},
                        {"x-repo-commit", commit},
                        {"x-linked-size", "13000000000000"},
                        {"x-linked-etag", '"' + sha256 + '"'},
                        {"x-xet-hash", xet},
                        {"accept-ranges", "bytes"}};
    const auto metadata = read_metadata(302, in(fields));
    ASSERT_TRUE(metadata);
    EXPECT_EQ(metadata->blob, Digest::parse(sha256));
    EXPECT_EQ(metadata->size, 13'000'000'000'000);
    EXPECT_EQ(metadata->xet_hash, xet);
}

TEST(Metadata, WhatIsNoXetHashIsNone) {
    Fields fields{
        {"x-repo-commit", commit}, {"x-linked-size", "9"}, {"x-linked-etag", '"' + sha256 + '"'}};
    EXPECT_EQ(read_metadata(302, in(fields))->xet_hash, "");
    for (const auto& wrong : {xet + "0", xet.substr(1), 'F' + xet.substr(1), 'g' + xet.substr(1),
                              '"' + xet + '"', std::string(64, ' ')}) {
        fields["x-xet-hash"] = wrong;
        const auto metadata = read_metadata(302, in(fields));
        ASSERT_TRUE(metadata) << wrong;
        EXPECT_EQ(metadata->xet_hash, "") << wrong;
    }
}

TEST(Metadata, TheCdnsOwnAnswerIsNotTaken) {
    const Fields cdn{
        {"content-length", "9"}, {"etag", '"' + xet + '"'}, {"accept-ranges", "bytes"}};
    EXPECT_THAT(error_of(200, cdn), HasSubstr("X-Repo-Commit"));
}

TEST(Metadata, RedirectToResolveCacheHasNoEtagYet) {
    const Fields hop{{"content-length", "278"},
                     {"location", "/api/resolve-cache/models/o/n/" + commit + "/config.json"},
                     {"x-repo-commit", commit}};
    EXPECT_THAT(error_of(307, hop), HasSubstr("ETag"));
    // The length of a redirect is that of its own body.
    const Fields with_etag{
        {"content-length", "278"}, {"x-repo-commit", commit}, {"etag", '"' + sha1 + '"'}};
    EXPECT_THAT(error_of(307, with_etag), HasSubstr("size"));
}

TEST(Metadata, EtagsInEveryDress) {
    for (const std::string& etag :
         {'"' + sha1 + '"', "W/\"" + sha1 + '"', sha1, "w/\"" + sha1 + '"',
          std::string("\"89ABCDEF0123456789ABCDEF0123456789ABCDEF\"")}) {
        const Fields fields{{"etag", etag}, {"x-repo-commit", commit}, {"content-length", "0"}};
        const auto metadata = read_metadata(200, in(fields));
        ASSERT_TRUE(metadata) << etag;
        EXPECT_EQ(metadata->blob.hex(), sha1);
        EXPECT_EQ(metadata->size, 0);
    }
    for (const std::string& etag :
         {std::string(), std::string("\"\""), std::string("\"7b-abc\""), std::string("W/\"7b-x\""),
          '"' + sha1 + "0\"", '"' + sha1.substr(1) + '"', std::string("\"../../etc/passwd\""),
          '"' + sha1 + "-1\"", '"' + sha1, "\"\"" + sha1 + "\"\"",
          '"' + commit.substr(1) + "g\""}) {
        const Fields fields{{"etag", etag}, {"x-repo-commit", commit}, {"content-length", "1"}};
        EXPECT_THAT(error_of(200, fields), HasSubstr("ETag")) << etag;
    }
}

TEST(Metadata, LinkedEtagGoesFirst) {
    const Fields fields{{"etag", '"' + xet + '"'},
                        {"x-linked-etag", '"' + sha256 + '"'},
                        {"x-linked-size", "5"},
                        {"content-length", "5"},
                        {"x-repo-commit", commit}};
    EXPECT_EQ(read_metadata(200, in(fields))->blob.hex(), sha256);
}

TEST(Metadata, CommitMustBeOne) {
    for (const std::string& wrong : {std::string(), std::string("main"), commit + "0", sha256}) {
        const Fields fields{
            {"etag", '"' + sha1 + '"'}, {"x-repo-commit", wrong}, {"content-length", "1"}};
        EXPECT_THAT(error_of(200, fields), HasSubstr("X-Repo-Commit"));
    }
    const Fields upper{{"etag", '"' + sha1 + '"'},
                       {"x-repo-commit", "0123456789ABCDEF0123456789ABCDEF01234567"},
                       {"content-length", "1"}};
    EXPECT_EQ(read_metadata(200, in(upper))->commit, commit);
}

TEST(Metadata, SizesThatDifferAreNamedBoth) {
    const Fields fields{{"x-linked-etag", '"' + sha256 + '"'},
                        {"x-repo-commit", commit},
                        {"x-linked-size", "1000"},
                        {"content-length", "999"}};
    const auto message = error_of(200, fields);
    EXPECT_THAT(message, HasSubstr("1000"));
    EXPECT_THAT(message, HasSubstr("999"));
    EXPECT_TRUE(read_metadata(302, in(fields)));
}

TEST(Metadata, SizesThatAreNone) {
    for (const auto* size : {"-1", "+1", "0x10", "1 ", " 1", "1e3", "5, 5", "", "four",
                             "9223372036854775808", "18446744073709551616", "4503599627370497"}) {
        const Fields length{
            {"etag", '"' + sha1 + '"'}, {"x-repo-commit", commit}, {"content-length", size}};
        EXPECT_THAT(error_of(200, length), HasSubstr("size")) << size;
        const Fields linked{{"x-linked-etag", '"' + sha1 + '"'},
                            {"x-repo-commit", commit},
                            {"x-linked-size", size}};
        EXPECT_THAT(error_of(302, linked), HasSubstr("size")) << size;
    }
}

TEST(Metadata, PartsTellTheWhole) {
    Fields fields{{"etag", '"' + sha1 + '"'},
                  {"x-repo-commit", commit},
                  {"content-length", "1"},
                  {"content-range", "bytes 0-0/570"}};
    EXPECT_EQ(read_metadata(206, in(fields))->size, 570);
    fields["x-linked-size"] = "571";
    EXPECT_THAT(error_of(206, fields), HasSubstr("571"));
    fields.erase("x-linked-size");
    fields["content-range"] = "bytes 0-0/*";
    EXPECT_THAT(error_of(206, fields), HasSubstr("whole"));
    fields.erase("content-range");
    EXPECT_THAT(error_of(206, fields), HasSubstr("whole"));
}

TEST(Metadata, CompressedBodiesAreRefused) {
    Fields fields{{"etag", "W/\"" + sha1 + '"'},
                  {"x-repo-commit", commit},
                  {"content-length", "99"},
                  {"content-encoding", "gzip"}};
    EXPECT_THAT(error_of(200, fields), HasSubstr("gzip"));
    fields["content-encoding"] = "identity";
    EXPECT_TRUE(read_metadata(200, in(fields)));
}

TEST(Metadata, OtherStatusesAreNotFiles) {
    const Fields fields{
        {"etag", '"' + sha1 + '"'}, {"x-repo-commit", commit}, {"content-length", "1"}};
    for (const int status : {100, 204, 300, 304, 401, 404, 500}) {
        EXPECT_THAT(error_of(status, fields), HasSubstr(std::to_string(status)));
    }
}

TEST(Metadata, MessagesShowNoBytesThatBreakALine) {
    const Fields fields{{"etag", "\"a\r\nX-Evil: 1\x1b[0m\""}, {"x-repo-commit", commit}};
    EXPECT_THAT(error_of(200, fields), Not(testing::ContainsRegex("[\r\n\x1b]")));
    const Fields longest{{"etag", std::string(60000, 'e')}, {"x-repo-commit", commit}};
    EXPECT_LT(error_of(200, longest).size(), 300);
}

TEST(Metadata, Etags) {
    EXPECT_EQ(strong_etag("\"abc\""), "abc");
    EXPECT_EQ(strong_etag("\"\""), "");
    for (const auto* other : {"", "\"", "abc", "W/\"abc\"", "\"abc", "abc\"", "\"a\", \"b\""}) {
        EXPECT_FALSE(strong_etag(other)) << other;
    }
    EXPECT_EQ(quoted_etag(*Digest::parse(sha256)), '"' + sha256 + '"');
    EXPECT_EQ(quoted_etag(*Digest::parse(sha1)), '"' + sha1 + '"');
}

TEST(LfsPointer, RoundTrips) {
    const auto text = lfs_pointer(*Digest::parse(sha256), 383865448);
    EXPECT_EQ(text, "version https://git-lfs.github.com/spec/v1\noid sha256:" + sha256 +
                        "\nsize 383865448\n");
    EXPECT_EQ(text.size(), 134);  // pointerSize of a file of that size at the Hub
    const auto pointer = parse_lfs_pointer(text);
    ASSERT_TRUE(pointer);
    EXPECT_EQ(pointer->oid.hex(), sha256);
    EXPECT_EQ(pointer->size, 383865448);
    EXPECT_TRUE(looks_like_lfs_pointer(text));
}

TEST(LfsPointer, OtherTextIsNone) {
    const auto good = lfs_pointer(*Digest::parse(sha256), 1);
    const std::string version = "version https://git-lfs.github.com/spec/v1\n";
    for (const std::string& text :
         {std::string(), version, good.substr(1), good.substr(0, good.size() - 1), good + "x",
          version + "oid sha256:" + sha256 + "\n", version + "size 1\n",
          version + "oid sha1:" + sha1 + "\nsize 1\n",
          version + "oid sha256:" + sha1 + "\nsize 1\n",
          version + "oid sha256:" + sha256 + "\nsize -1\n", good + std::string(1024, '\n'),
          std::string("{\"version\": 1}\n")}) {
        EXPECT_FALSE(looks_like_lfs_pointer(text)) << text;
    }
    EXPECT_TRUE(
        looks_like_lfs_pointer(version + "ext-0-x sha256:0\noid sha256:" + sha256 + "\nsize 1\n"));
}

}  // namespace
}  // namespace hubkeep
