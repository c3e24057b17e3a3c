// Ranges of a xorb, as RFC 9110 has them.

#include "server/xet/xorb_ranges.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/xet/synthetic.hpp"

namespace hubkeep {
namespace {

using Ranges = std::vector<ByteRange>;

TEST(XorbRanges, OneOrSeveral) {
    EXPECT_EQ(parse_ranges("bytes=0-9", 100), (Ranges{{0, 10}}));
    EXPECT_EQ(parse_ranges("bytes=90-", 100), (Ranges{{90, 100}}));
    EXPECT_EQ(parse_ranges("bytes=-10", 100), (Ranges{{90, 100}}));
    EXPECT_EQ(parse_ranges("bytes=50-59, 0-9,95-200", 100), (Ranges{{50, 60}, {0, 10}, {95, 100}}));
    EXPECT_EQ(parse_ranges("bytes=0-9,100-", 100), (Ranges{{0, 10}}));
}

TEST(XorbRanges, BehindTheEndThereIsNothing) {
    EXPECT_EQ(parse_ranges("bytes=100-", 100), Ranges{});
    EXPECT_EQ(parse_ranges("bytes=100-200,300-", 100), Ranges{});
}

TEST(XorbRanges, WhatIsNotUnderstoodIsNothing) {
    for (const auto* header : {"", "bytes", "items=0-1", "bytes=1-0", "bytes=0-9,x",
                               "bytes=0-9,5-20", "bytes=0-9,0-9"}) {
        EXPECT_EQ(parse_ranges(header, 100), Ranges{}) << header;
    }
    std::string many = "bytes=0-0";
    for (int i = 1; i < 600; ++i) many += fmt::format(",{}-{}", 2 * i, 2 * i);
    EXPECT_EQ(parse_ranges(many, 10'000), Ranges{});
}

TEST(XorbRanges, ASingleOneIsTheBody) {
    ResponseHead head;
    const auto xorb = *xorb_of(1000, 0);
    const auto body = body_of(xorb, {{0, 1008}}, head);
    EXPECT_EQ(head.status, 206);
    EXPECT_EQ(head.headers.get("Content-Range"), "bytes 0-1007/1008");
    EXPECT_EQ(body.length(), 1008U);
    EXPECT_EQ(body.hull(), (ByteRange{0, 1000}));
}

TEST(XorbRanges, SeveralAreAMultipart) {
    ResponseHead head;
    const auto xorb = *xorb_of(1000, 0);
    const auto body = body_of(xorb, {{500, 600}, {0, 4}}, head);
    EXPECT_EQ(head.status, 206);
    EXPECT_FALSE(head.headers.has("Content-Range"));
    const std::string part =
        "\r\n--hubkeep-xorb-range\r\nContent-Type: application/octet-stream\r\nContent-Range: ";
    ASSERT_EQ(body.stretches().size(), 2U);
    EXPECT_EQ(body.stretches()[0].before, part + "bytes 500-599/1008\r\n\r\n");
    EXPECT_EQ(body.hull(), (ByteRange{0, 592}));
    std::uint64_t length = 104 + std::string("\r\n--hubkeep-xorb-range--\r\n").size();
    for (const auto& stretch : body.stretches()) length += stretch.before.size();
    EXPECT_EQ(body.length(), length);
}

}  // namespace
}  // namespace hubkeep
