// The headers of an answer to resolve, and names that try to break out of them.

#include <gtest/gtest.h>

#include <algorithm>

#include "server/hub/metadata.hpp"
#include "server/hub/names.hpp"

namespace hubkeep {
namespace {

const std::string commit = "0123456789abcdef0123456789abcdef01234567";

FileMetadata some_file() {
    return {commit, *Digest::parse("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"), 0};
}

std::string header(const HeaderFields& fields, std::string_view name) {
    std::string value;
    for (const auto& field : fields) {
        if (field.first != name) continue;
        EXPECT_EQ(value, "") << name << " is there twice";
        value = field.second;
    }
    return value;
}

std::string type_of(std::string_view path) {
    return header(file_headers(some_file(), path, true, true), "Content-Type");
}

std::string disposition_of(std::string_view path) {
    return header(file_headers(some_file(), path, true, true), "Content-Disposition");
}

TEST(FileHeaders, OneShape) {
    const auto fields = file_headers(some_file(), "dir/README.md", true, true);
    EXPECT_EQ(header(fields, "X-Repo-Commit"), commit);
    EXPECT_EQ(header(fields, "ETag"), "\"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\"");
    EXPECT_EQ(header(fields, "Accept-Ranges"), "bytes");
    EXPECT_EQ(header(fields, "Content-Security-Policy"), "default-src 'none'; sandbox");
    EXPECT_EQ(header(fields, "Content-Disposition"),
              "inline; filename*=UTF-8''README.md; filename=\"README.md\";");
    // A listing's hint that leads away, and what the server itself sets.
    for (const auto* name : {"X-Xet-Hash", "Link", "Content-Length", "X-Linked-Size"}) {
        EXPECT_EQ(header(fields, name), "");
    }
}

TEST(FileHeaders, WhoMayKeepIt) {
    const auto cache_control = [](bool pinned, bool shared) {
        return header(file_headers(some_file(), "x", pinned, shared), "Cache-Control");
    };
    EXPECT_EQ(cache_control(true, true), "public, max-age=31536000, immutable");
    EXPECT_EQ(cache_control(true, false), "private, max-age=31536000, immutable");
    EXPECT_EQ(cache_control(false, true), "no-cache");
    EXPECT_EQ(cache_control(false, false), "private, no-cache");
}

TEST(FileHeaders, TextIsShownAsTextAndNothingAsHtml) {
    for (const auto* path :
         {"config.json", "README.md", "a/b.TXT", "x.yaml", "x.py", "LICENSE", ".gitattributes",
          "index.html", "a.svg", "v.1.jsonl", "d.x/Makefile"}) {
        EXPECT_EQ(type_of(path), "text/plain; charset=utf-8") << path;
    }
    for (const auto* path : {"model.safetensors", "a.bin", "x.parquet", "noext", "json", "x.md/y",
                             "tokenizer.model", "a.", ".", "x.htm", "x.xhtml"}) {
        EXPECT_EQ(type_of(path), "application/octet-stream") << path;
    }
}

TEST(FileHeaders, Attachment) {
    const auto fields = file_headers(some_file(), "a.bin", true, true, true);
    EXPECT_EQ(header(fields, "Content-Disposition"),
              "attachment; filename*=UTF-8''a.bin; filename=\"a.bin\";");
}

TEST(FileHeaders, NamesStayInsideTheirHeader) {
    EXPECT_EQ(disposition_of("a b.txt"),
              "inline; filename*=UTF-8''a%20b.txt; filename=\"a b.txt\";");
    EXPECT_EQ(disposition_of("\xc3\xb1"), "inline; filename*=UTF-8''%C3%B1; filename=\"__\";");
    EXPECT_EQ(disposition_of("a\"b\\c%d"),
              "inline; filename*=UTF-8''a%22b%5Cc%25d; filename=\"a_b_c_d\";");
    EXPECT_EQ(disposition_of("x;y='z'"),
              "inline; filename*=UTF-8''x%3By%3D%27z%27; filename=\"x;y='z'\";");
    EXPECT_EQ(disposition_of("\xe2\x80\xaegpj.exe"),
              "inline; filename*=UTF-8''%E2%80%AEgpj.exe; filename=\"___gpj.exe\";");
}

TEST(FileHeaders, EveryByteIsHarmless) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string name{'a', static_cast<char>(byte), 'b'};
        const auto value = disposition_of(name);
        EXPECT_EQ(std::ranges::count(value, '"'), 2) << byte;
        EXPECT_TRUE(std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7f; }))
            << byte;
        if (byte == 0 || byte == '/') continue;
        constexpr std::string_view start = "inline; filename*=UTF-8''";
        const auto extended =
            value.substr(start.size(), value.find("; filename=\"") - start.size());
        EXPECT_EQ(percent_decode(extended), name);
    }
}

TEST(FileHeaders, KnowsTheClientsThatForgetTheirToken) {
    for (const auto* const text : {"unknown/None; hf_hub/0.20.3; python/3.11.7; torch/2.0",
                                   "hf_hub/0.9.1", "x; hf_hub/0.0.1; y"}) {
        EXPECT_TRUE(forgets_token_elsewhere(text)) << text;
    }
    for (const auto* const text : {"unknown/None; hf_hub/0.21.0; python/3.11.7", "hf_hub/1.0.1",
                                   "hf_hub/0.36.2", "hf_hub/0.", "hf_hub/0.x.1", "curl/8.0", ""}) {
        EXPECT_FALSE(forgets_token_elsewhere(text)) << text;
    }
}

}  // namespace
}  // namespace hubkeep
