#include "server/store/wrong_bytes.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/store/support.hpp"

namespace hubkeep::test {
namespace {

Digest blob(int number) {
    return digest_of(DigestKind::sha256, std::to_string(number));
}

class WrongBytesTest : public testing::Test {
  protected:
    void write(std::string_view lines) { std::ofstream(file) << lines; }

    TempFolder folder;
    fs::path file = folder.path() / "wrong-bytes";
};

TEST_F(WrongBytesTest, AreCountedAndOutliveARestart) {
    const auto small = digest_of(DigestKind::git_sha1, "small");
    {
        WrongBytes wrong(file);
        EXPECT_EQ(wrong.of(blob(1)).times, 0U);
        EXPECT_TRUE(wrong.note(blob(1), 100));
        EXPECT_TRUE(wrong.note(blob(1), 200));
        EXPECT_TRUE(wrong.note(small, 300));
    }
    const WrongBytes wrong(file);
    EXPECT_EQ(wrong.of(blob(1)).times, 2U);
    EXPECT_EQ(wrong.of(blob(1)).at, 200);
    EXPECT_EQ(wrong.of(small).at, 300);
    EXPECT_EQ(wrong.of(blob(2)).times, 0U);
}

TEST_F(WrongBytesTest, TheOldestAreForgotten) {
    std::string lines;
    for (int i = 0; i < static_cast<int>(WrongBytes::max_remembered); ++i) {
        lines += blob(i).hex() + " 1 " + std::to_string(1000 + i) + "\n";
    }
    write(lines);
    WrongBytes wrong(file);
    EXPECT_TRUE(wrong.note(blob(-1), 999'999));
    const WrongBytes again(file);
    EXPECT_EQ(again.of(blob(0)).times, 0U);
    EXPECT_EQ(again.of(blob(1)).times, 1U);
    EXPECT_EQ(again.of(blob(-1)).times, 1U);
}

TEST_F(WrongBytesTest, ADamagedFileIsNoReasonNotToStart) {
    write(blob(1).hex() + " 1 100\nnonsense 1 1\n\x01\x02");
    const WrongBytes wrong(file);
    EXPECT_EQ(wrong.of(blob(1)).times, 1U);
}

TEST_F(WrongBytesTest, CountsEvenWhenItCannotBeWritten) {
    WrongBytes wrong(folder.path() / "no such folder" / "wrong-bytes");
    EXPECT_FALSE(wrong.note(blob(1), 100));
    EXPECT_EQ(wrong.of(blob(1)).times, 1U);
}

}  // namespace
}  // namespace hubkeep::test
