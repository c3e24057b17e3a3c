#include "server/http/chunks.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

// Decodes the text in steps of `step` bytes: the data, or "!" and why not.
std::string decode(std::string_view text, std::size_t step) {
    ChunkDecoder decoder;
    std::string data;
    std::string_view left = text;
    while (!left.empty() && !decoder.done()) {
        auto piece = left.substr(0, step);
        if (decoder.data() > 0) {
            piece = piece.substr(0, decoder.data());
            data += piece;
            decoder.data_read(piece.size());
            left.remove_prefix(piece.size());
            continue;
        }
        const auto used = decoder.take(piece);
        if (!used) return "!" + used.error().message;
        left.remove_prefix(*used);
    }
    if (!decoder.done()) return "!incomplete";
    if (!left.empty()) return data + "|" + std::string(left);
    return data;
}

TEST(Chunks, DecodesInAnyPieces) {
    const std::string text =
        "5\r\nhello\r\n00A ; name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    const std::string strict =
        "5\r\nhello\r\n00A;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    for (std::size_t step = 1; step <= strict.size(); ++step) {
        EXPECT_EQ(decode(strict, step), "hello0123456789") << step;
        EXPECT_TRUE(decode(text, step).starts_with("!")) << step;
    }
}

TEST(Chunks, StopsAtItsEnd) {
    EXPECT_EQ(decode("0\r\n\r\n", 1), "");
    EXPECT_EQ(decode("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1", 100), "x|GET / HTTP/1.1");
    EXPECT_EQ(decode("ffF\r\n" + std::string(4095, 'y') + "\r\n0\r\n\r\n", 7),
              std::string(4095, 'y'));
}

TEST(Chunks, RefusesEveryDeviation) {
    for (const std::string_view text : {
             "\r\n",
             "x\r\n",
             "-1\r\n",
             "+1\r\n",
             "0x1\r\n",
             " 1\r\nx\r\n",
             "1 \r\nx\r\n",
             "1\nx\r\n",
             "1\rx",
             "1\r\nxy\r\n",
             "1\r\nx\n",
             "1\r\nx\rx",
             "1\r\nx0\r\n",
             "1;a\nb\r\n",
             "1;a\x01\r\n",
             "0\r\nA: b\nC: d\r\n\r\n",
             "0\r\n\n",
             "0\r\n\rx",
             "0\r\nA\x00: b\r\n\r\n",
             "0\n\r\n",
             ";x\r\n",
             "1;\rx\r\n",
             "1000000000000000\r\n",
             "FFFFFFFFFFFFFFFFF\r\n",
             "0000000000000000001\r\nx\r\n0\r\n\r\n",
         }) {
        EXPECT_TRUE(decode(text, 1).starts_with("!")) << text;
    }
    EXPECT_EQ(decode("1\r\nx\r\n0\r\n", 3), "!incomplete");
}

TEST(Chunks, BoundsWhatItSkips) {
    const auto extension = [](std::size_t size) {
        return "1;" + std::string(size, 'e') + "\r\nx\r\n0\r\n\r\n";
    };
    EXPECT_EQ(decode(extension(8000), 1000), "x");
    EXPECT_NE(decode(extension(9000), 1000).find("extensions"), std::string::npos);
    // Many small ones count together.
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "1;extension\r\nx\r\n";
    EXPECT_NE(decode(many, 1000).find("extensions"), std::string::npos);

    const auto trailer = [](std::size_t size) {
        return "0\r\nX: " + std::string(size, 't') + "\r\n\r\n";
    };
    EXPECT_EQ(decode(trailer(16000), 1000), "");
    EXPECT_NE(decode(trailer(100000), 1000).find("trailers"), std::string::npos);
    std::string lines = "0\r\n";
    for (int i = 0; i < 5000; ++i) lines += "A: b\r\n";
    EXPECT_NE(decode(lines + "\r\n", 1000).find("trailers"), std::string::npos);
}

}  // namespace
}  // namespace hubkeep
