// Tokens: whose files are taken, what can be one, and that nothing of it stays where
// other processes of the user can look.

#include "config/token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "config/load.hpp"
#include "folder.hpp"

namespace hubkeep {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Result<Secret> from_file(const std::string& path) {
    return read_secret_file(path);
}

TEST(Token, OnlyPrivateFilesAreTaken) {
    Folder folder;
    for (const unsigned mode : {0400U, 0600U, 0700U}) {
        EXPECT_TRUE(from_file(folder.write("token", "hf_abc", mode))) << mode;
    }
    for (const unsigned mode : {0644U, 0640U, 0604U, 0620U, 0602U, 0610U, 0601U, 0666U, 0777U}) {
        const auto token = from_file(folder.write("token", "hf_abc", mode));
        ASSERT_FALSE(token) << mode;
        EXPECT_EQ(token.error().kind, ErrorKind::denied);
        EXPECT_THAT(token.error().message, HasSubstr("chmod 600 " + folder.path("token")));
        EXPECT_THAT(token.error().message, Not(HasSubstr("hf_abc")));
    }
}

TEST(Token, WhereSomethingElseGuardsTheFolderTheGroupMayRead) {
    Folder folder;
    for (const unsigned mode : {0400U, 0440U, 0600U, 0640U}) {
        EXPECT_TRUE(read_secret_file(folder.write("t", "hf_abc", mode), Readers::group)) << mode;
    }
    for (const unsigned mode : {0444U, 0460U, 0644U, 0450U}) {
        EXPECT_FALSE(read_secret_file(folder.write("t", "hf_abc", mode), Readers::group)) << mode;
    }
}

TEST(Token, MountedLinksAreFollowed) {
    Folder folder;
    const auto file = folder.write("data", "hf_abc\n");
    std::filesystem::create_symlink(file, folder.path("token"));
    EXPECT_EQ(from_file(folder.path("token")).value().reveal(), "hf_abc");
    folder.write("data", "hf_abc\n", 0644);
    EXPECT_FALSE(from_file(folder.path("token")));
}

TEST(Token, OneLineEndIsNotPartOfIt) {
    Folder folder;
    EXPECT_EQ(from_file(folder.write("t", "hf_abc\n")).value().reveal(), "hf_abc");
    EXPECT_EQ(from_file(folder.write("t", "hf_abc\r\n")).value().reveal(), "hf_abc");
    EXPECT_EQ(from_file(folder.write("t", "hf_abc")).value().reveal(), "hf_abc");
    EXPECT_EQ(from_file(folder.write("t", std::string(4096, 'x') + "\n")).value().reveal().size(),
              4096U);
}

TEST(Token, WhatCannotBeAHeaderIsRefused) {
    Folder folder;
    for (const std::string content :
         {"", "\n", "hf_canary\n\n", "hf_canary two", " hf_canary", "hf_canary\nX-Evil: 1\n",
          "hf_canary\t", "hf_canary\xc3\xa9", "hf_canary\x7f"}) {
        const auto token = from_file(folder.write("t", content));
        ASSERT_FALSE(token) << content;
        EXPECT_EQ(token.error().kind, ErrorKind::invalid);
        EXPECT_THAT(token.error().message, HasSubstr(folder.path("t")));
        EXPECT_THAT(token.error().message, Not(HasSubstr("canary")));
    }
    EXPECT_FALSE(from_file(folder.write("t", std::string("hf_a\0b", 6))));
    EXPECT_FALSE(from_file(folder.write("t", std::string(4097, 'x'))));
    EXPECT_FALSE(from_file(folder.write("t", std::string(1'000'000, 'x'))));
    EXPECT_EQ(from_file(folder.path("absent")).error().kind, ErrorKind::not_found);
}

TEST(Token, TheEnvironmentIsReadWithoutThem) {
    std::vector<std::string> texts{"A=1",
                                   "HF_TOKEN=hf_first",
                                   "HF_TOKENS=kept",
                                   "HF_TOKEN=hf_second",
                                   "HUGGING_FACE_HUB_TOKEN=hf_old",
                                   "B=x=y",
                                   "odd"};
    std::vector<char*> array;
    for (auto& text : texts) array.push_back(text.data());
    array.push_back(nullptr);
    const auto tokens = take_tokens(array.data());
    EXPECT_EQ(tokens.hf_token.reveal(), "hf_first");
    EXPECT_TRUE(tokens.has_old_name);
    const Environment expected{{"A", "1"}, {"HF_TOKENS", "kept"}, {"B", "x=y"}};
    EXPECT_EQ(read_environ(array.data()), expected);
    for (const auto index : {1, 3, 4}) {
        EXPECT_EQ(texts[index].find_first_not_of('\0'), std::string::npos);
    }
}

std::string read_whole(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

constexpr auto canary = "hf_canary0123456789";

// Runs in a process that was started with the tokens.
void erase_and_wait_to_be_seen() {
    ASSERT_THAT(read_whole("/proc/self/environ"), HasSubstr(canary));
    const auto tokens = take_tokens(environ);
    ASSERT_EQ(tokens.hf_token.reveal(), canary);
    ASSERT_EQ(getenv("HF_TOKEN"), nullptr);
    ASSERT_EQ(getenv("HUGGING_FACE_HUB_TOKEN"), nullptr);
    ASSERT_STREQ(getenv("OTHER"), "kept");
    ::close(STDERR_FILENO);  // tells the parent, which looks from outside until stdin ends
    char ignored = 0;
    while (::read(STDIN_FILENO, &ignored, 1) > 0) {
    }
}

// The test starts this program again with this test alone, which then plays the child.
TEST(Token, NothingStaysInProcEnviron) {
    if (getenv("OTHER") != nullptr) return erase_and_wait_to_be_seen();
    int hold[2];
    int erased[2];
    ASSERT_EQ(::pipe(hold), 0);
    ASSERT_EQ(::pipe(erased), 0);
    const std::string first = std::string("HF_TOKEN=") + canary;
    const std::string second = std::string("HUGGING_FACE_HUB_TOKEN=") + canary;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::dup2(hold[0], STDIN_FILENO);
        ::dup2(erased[1], STDERR_FILENO);
        for (const int fd : {hold[0], hold[1], erased[0], erased[1]}) ::close(fd);
        const char* const env[] = {first.c_str(), "OTHER=kept", second.c_str(), nullptr};
        ::execle("/proc/self/exe", "unit", "--gtest_filter=Token.NothingStaysInProcEnviron",
                 static_cast<char*>(nullptr), env);
        ::_exit(99);
    }
    ::close(hold[0]);
    ::close(erased[1]);
    char ignored = 0;
    while (::read(erased[0], &ignored, 1) > 0) {
    }
    const auto seen = read_whole("/proc/" + std::to_string(child) + "/environ");
    ::close(hold[1]);
    ::close(erased[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    EXPECT_THAT(seen, HasSubstr("OTHER=kept"));
    EXPECT_THAT(seen, Not(HasSubstr("canary")));
    EXPECT_THAT(seen, Not(HasSubstr("TOKEN")));
}

}  // namespace
}  // namespace hubkeep
