// The log's thread: nothing that was written is lost at a flush or at the end, and it never blocks.

#include "common/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace hubkeep {
namespace {

// Standard error goes to a file for as long as this lives.
class Captured {
  public:
    Captured() : saved_(dup(STDERR_FILENO)) {
        char name[] = "/tmp/hubkeep-log-XXXXXX";
        file_ = mkstemp(name);
        unlink(name);
        dup2(file_, STDERR_FILENO);
    }
    ~Captured() {
        dup2(saved_, STDERR_FILENO);
        close(saved_);
        close(file_);
    }
    std::size_t lines() const {
        std::string text(static_cast<std::size_t>(lseek(file_, 0, SEEK_END)), '\0');
        EXPECT_EQ(pread(file_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }

  private:
    int saved_;
    int file_;
};

TEST(Log, AFlushWritesWhatCameBefore) {
    const Captured captured;
    Log log(LogLevel::info, LogFormat::json);
    log.info("one");
    log.debug("not this");
    log.info("two");
    log.flush();
    EXPECT_EQ(captured.lines(), 2u);
}

TEST(Log, TheEndWritesEverythingThatManyThreadsWrote) {
    const Captured captured;
    {
        Log log(LogLevel::info, LogFormat::text);
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&log] {
                for (int k = 0; k < 1000; ++k) log.info("line", {{"k", k}});
            });
        }
    }
    EXPECT_EQ(captured.lines(), 4000u);
}

}  // namespace
}  // namespace hubkeep
