// Sizes and durations: what is taken, what is refused with which advice, and that both are written
// as they are read.

#include "config/units.hpp"

#include <gtest/gtest.h>

#include <random>

namespace hubkeep {
namespace {

using std::chrono::milliseconds;

TEST(Units, SizesAreExact) {
    const std::vector<std::pair<std::string, std::uint64_t>> table{
        {"0B", 0},
        {"1B", 1},
        {"500GB", 500'000'000'000},
        {"1.5TiB", 1'649'267'441'664},
        {"1.5 TiB", 1'649'267'441'664},
        {"10mib", 10 * 1024 * 1024},
        {"1kB", 1000},
        {"1KB", 1000},
        {"1KiB", 1024},
        {"0.1GB", 100'000'000},
        {"2PiB", 2ULL << 50},
        {"9223372036854775807B", 9'223'372'036'854'775'807ULL}};
    for (const auto& [text, bytes] : table) {
        const auto size = parse_size(text);
        if (bytes > 9'200'000'000'000'000'000ULL) {
            EXPECT_FALSE(size) << text;
            continue;
        }
        ASSERT_TRUE(size) << text << ": " << size.error().message;
        EXPECT_EQ(*size, bytes) << text;
    }
}

TEST(Units, SizesThatCouldBeMisreadAreRefused) {
    for (const auto* const text : {"", "GB", "-1GB", "+1GB", "1e3GB", "0x10MB", "1,5GB", "1.GB",
                                   ".5GB", "1..5GB", "1.5.GB", "1 0GB", "1GBs", "inf", "nanGB",
                                   "1XB", "100000PiB", "99999999999999999999999999999999999GB"}) {
        EXPECT_FALSE(parse_size(text)) << text;
    }
}

TEST(Units, RefusalsSayWhatToWrite) {
    EXPECT_EQ(parse_size("500").error().message,
              "\"500\" has no unit: write 500B, 500MB, 500GiB or another unit");
    EXPECT_EQ(parse_size("20G").error().message, "\"20G\" may mean two sizes: write 20GB or 20GiB");
    EXPECT_EQ(parse_size("20k").error().message, "\"20k\" may mean two sizes: write 20kB or 20KiB");
    EXPECT_EQ(parse_size("big").error().message, "\"big\" is not a size such as 500GB or 1.5TiB");
    EXPECT_EQ(parse_duration("60").error().message, "\"60\" has no unit: write 60s, 60m or 60ms");
    EXPECT_EQ(parse_duration("soon").error().message,
              "\"soon\" is not a time such as 250ms, 60s, 10m, 24h or 7d");
}

TEST(Units, SizesRoundTrip) {
    EXPECT_EQ(format_size(500'000'000'000), "500GB");
    EXPECT_EQ(format_size(1'649'267'441'664), "1.5TiB");
    EXPECT_EQ(format_size(1'500'000'000'000), "1.5TB");
    EXPECT_EQ(format_size(1023), "1.023kB");
    EXPECT_EQ(format_size(0), "0B");
    std::mt19937_64 random(1);
    for (int i = 0; i < 2000; ++i) {
        const auto bytes = (random() >> 2) >> (random() % 62);
        const auto again = parse_size(format_size(bytes));
        ASSERT_TRUE(again) << format_size(bytes);
        ASSERT_EQ(*again, bytes) << format_size(bytes);
    }
}

TEST(Units, DurationsAreReadAndWritten) {
    const std::vector<std::tuple<std::string, std::int64_t, std::string>> table{
        {"0", 0, "0"},
        {"0s", 0, "0"},
        {"250ms", 250, "250ms"},
        {"60s", 60'000, "60s"},
        {"1m", 60'000, "60s"},
        {"10m", 600'000, "10m"},
        {"1.5h", 5'400'000, "90m"},
        {"24h", 86'400'000, "24h"},
        {"7d", 604'800'000, "7d"},
        {"1ms", 1, "1ms"},
        {"0.5s", 500, "500ms"},
        {"5 S", 5'000, "5s"}};
    for (const auto& [text, count, written] : table) {
        const auto time = parse_duration(text);
        ASSERT_TRUE(time) << text;
        EXPECT_EQ(*time, milliseconds(count)) << text;
        EXPECT_EQ(format_duration(*time), written);
    }
    for (const auto* const text :
         {"", "s", "-1s", "1w", "1h30m", "0.1ms", "200000d", "1e9s", "00"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(Units, PercentagesHaveBounds) {
    EXPECT_EQ(parse_percent("85%").value(), 85);
    EXPECT_EQ(parse_percent("100%").value(), 100);
    EXPECT_EQ(format_percent(parse_percent("99.5%").value()), "99.5%");
    for (const auto* const text : {"0%", "100.1%", "%", "-5%", "85"}) {
        EXPECT_FALSE(parse_percent(text)) << text;
    }
}

}  // namespace
}  // namespace hubkeep
