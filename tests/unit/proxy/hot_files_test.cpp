// Answers in memory: bounded in bytes and in groups, and never those of another file.

#include "server/proxy/hot_files.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hubkeep {
namespace {

constexpr std::string_view target = "/org/name/resolve/main/config.json";

Digest blob(int number) {
    return digest_of(DigestKind::sha256, std::to_string(number));
}

std::shared_ptr<HotFile> file(std::string access, int number, std::uint64_t size = 3) {
    auto made = std::make_shared<HotFile>();
    made->access = std::move(access);
    made->file = {std::string(40, 'c'), blob(number), size};
    made->fields = "ETag: \"x\"\r\n";
    return made;
}

class HotFilesTest : public testing::Test {
  protected:
    void put(std::string_view where, std::shared_ptr<HotFile> file) {
        hot_.put(where, parse_route("GET", where), std::move(file));
    }
    const HotFile* find(std::string_view where, std::string_view access = "") {
        const auto found = hot_.find(where);
        return found ? found->find(access) : nullptr;
    }

    Changes changes_;
    HotFiles hot_{100'000};
};

TEST_F(HotFilesTest, GroupsOfOneTargetAreApart) {
    put(target, file("", 1));
    put(target, file("service", 2));
    ASSERT_NE(find(target), nullptr);
    EXPECT_EQ(find(target)->file.blob, blob(1));
    EXPECT_EQ(find(target, "service")->file.blob, blob(2));
    EXPECT_EQ(find(target, "f00d"), nullptr);
    EXPECT_EQ(find("/org/name/resolve/main/other.json"), nullptr);
    put(target, file("", 3));
    EXPECT_EQ(find(target)->file.blob, blob(3));
    EXPECT_EQ(hot_.find(target)->route.path, "config.json");
}

TEST_F(HotFilesTest, OfOneTargetAFewGroupsAreKept) {
    for (int i = 0; i < 20; ++i) put(target, file(std::to_string(i), i));
    EXPECT_EQ(hot_.find(target)->files.size(), 8u);
    EXPECT_EQ(find(target, "11"), nullptr);
    EXPECT_NE(find(target, "12"), nullptr);
}

TEST_F(HotFilesTest, ContentIsThatOfTheFileOrNone) {
    put(target, file("", 1));
    hot_.add_content(target, "", blob(2), "abc", changes_.mark(0));
    hot_.add_content(target, "", blob(1), "abcd", changes_.mark(0));
    hot_.add_content(target, "service", blob(1), "abc", changes_.mark(0));
    hot_.add_content("/other", "", blob(1), "abc", changes_.mark(0));
    EXPECT_EQ(find(target)->content, nullptr);
    hot_.add_content(target, "", blob(1), "abc", changes_.mark(0));
    ASSERT_NE(find(target)->content, nullptr);
    EXPECT_EQ(*find(target)->content, "abc");
    EXPECT_TRUE(find(target)->presence.holds());
    changes_.announce(0);
    EXPECT_FALSE(find(target)->presence.holds());
}

TEST_F(HotFilesTest, AllTogetherStayWithinTheBound) {
    const std::string content(10'000, 'x');
    for (int i = 0; i < 1'000; ++i) {
        const auto where = fmt::format("/org/name/resolve/main/{}.json", i);
        put(where, file("", i, content.size()));
        hot_.add_content(where, "", blob(i), content, changes_.mark(0));
        EXPECT_LE(hot_.bytes(), 100'000u);
        EXPECT_NE(find(where), nullptr);
    }
    EXPECT_EQ(find("/org/name/resolve/main/0.json"), nullptr);
    EXPECT_GT(hot_.bytes(), 50'000u);
}

TEST(StaysTrue, HoldsAsLongAsEachOfItsReasons) {
    Changes changes;
    EXPECT_FALSE(StaysTrue().holds(0));
    const auto made = [&](bool moves) {
        StaysTrue reasons(changes.mark(1), changes.mark(2));
        if (moves) reasons.while_fresh(changes.mark(3), 100, 160);
        return reasons;
    };
    EXPECT_TRUE(made(false).holds(0));
    EXPECT_TRUE(made(true).holds(100));
    EXPECT_TRUE(made(true).holds(159));
    EXPECT_FALSE(made(true).holds(160));
    EXPECT_FALSE(made(true).holds(99));  // the clock was set back
    for (const std::size_t reason : {1, 2, 3}) {
        const auto pinned = made(false);
        const auto moving = made(true);
        changes.announce(reason);
        EXPECT_EQ(pinned.holds(100), reason == 3);
        EXPECT_FALSE(moving.holds(100)) << reason;
    }
}

}  // namespace
}  // namespace hubkeep
