// Coalescer: askers on several io threads, one piece of work, every asker gets the answer.

#include "common/coalesce.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <stdexcept>
#include <thread>

#include "common/log.hpp"

namespace hubkeep {
namespace {

class CoalescerTest : public testing::Test {
  protected:
    struct Loop {
        explicit Loop(Log& log) : tasks(context.get_executor(), log) {}
        asio::io_context context{1};
        TaskGroup tasks;
        asio::executor_work_guard<Executor> work{context.get_executor()};
        std::jthread thread;
    };

    CoalescerTest() {
        for (int i = 0; i < 3; ++i) {
            loops_.push_back(std::make_unique<Loop>(log_));
            auto& loop = *loops_.back();
            loop.thread = std::jthread([&loop] { loop.context.run(); });
        }
    }
    ~CoalescerTest() override {
        for (auto& loop : loops_) loop->work.reset();
    }

    Task<int> work(std::shared_ptr<std::atomic<bool>> gate) {
        ++started_;
        while (!*gate) co_await sleep_for(milliseconds(1));
        co_return 42;
    }
    Task<void> ask(Loop& loop, std::shared_ptr<std::atomic<bool>> gate, TimePoint deadline) {
        auto answer = co_await coalescer_.ask(
            loop.tasks, "key", [this, gate] { return work(gate); }, deadline);
        if (!answer) ++gave_up_;
        if (answer && answer->value == 42) ++answered_;
        if (answer && answer->joined) ++joined_;
        ++done_;
    }
    void wait_until_done(int count) {
        while (done_ < count) std::this_thread::yield();
    }

    Log log_{LogLevel::off, LogFormat::text};
    Coalescer<int> coalescer_;
    std::vector<std::unique_ptr<Loop>> loops_;
    std::atomic<int> started_{0}, answered_{0}, joined_{0}, gave_up_{0}, done_{0};
};

TEST_F(CoalescerTest, ManyAskersCauseOnePieceOfWork) {
    const auto gate = std::make_shared<std::atomic<bool>>(false);
    for (int i = 0; i < 60; ++i) {
        auto& loop = *loops_[static_cast<std::size_t>(i) % loops_.size()];
        asio::co_spawn(loop.context, ask(loop, gate, TimePoint::max()), asio::detached);
    }
    while (started_ == 0) std::this_thread::yield();
    // All have asked once each loop has come round to a task posted after theirs.
    for (auto& loop : loops_) {
        std::promise<void> round;
        asio::post(loop->context, [&] { round.set_value(); });
        round.get_future().wait();
    }
    *gate = true;
    wait_until_done(60);
    EXPECT_EQ(started_, 1);
    EXPECT_EQ(answered_, 60);
    EXPECT_EQ(joined_, 59);
}

TEST_F(CoalescerTest, AnAskerThatGivesUpStopsNothing) {
    const auto gate = std::make_shared<std::atomic<bool>>(false);
    auto& loop = *loops_[0];
    asio::co_spawn(loop.context, ask(loop, gate, SteadyClock::now() + milliseconds(5)),
                   asio::detached);
    wait_until_done(1);
    EXPECT_EQ(gave_up_, 1);
    asio::co_spawn(loop.context, ask(loop, gate, TimePoint::max()), asio::detached);
    *gate = true;
    wait_until_done(2);
    EXPECT_EQ(started_, 1);
    EXPECT_EQ(answered_, 1);
}

TEST_F(CoalescerTest, WorkThatThrowsEndsTheWaitAndBlocksNobodyAfterwards) {
    auto& loop = *loops_[0];
    const auto throwing = [this, &loop]() -> Task<void> {
        const auto answer = co_await coalescer_.ask(
            loop.tasks, "key", []() -> Task<int> { throw std::runtime_error("a bug"); },
            TimePoint::max());
        EXPECT_FALSE(answer);
        ++done_;
    };
    asio::co_spawn(loop.context, throwing(), asio::detached);
    wait_until_done(1);
    const auto gate = std::make_shared<std::atomic<bool>>(true);
    asio::co_spawn(loop.context, ask(loop, gate, TimePoint::max()), asio::detached);
    wait_until_done(2);
    EXPECT_EQ(answered_, 1);
}

TEST_F(CoalescerTest, AnAnsweredQuestionIsAskedAnew) {
    const auto gate = std::make_shared<std::atomic<bool>>(true);
    auto& loop = *loops_[0];
    for (int i = 1; i <= 2; ++i) {
        asio::co_spawn(loop.context, ask(loop, gate, TimePoint::max()), asio::detached);
        wait_until_done(i);
    }
    EXPECT_EQ(started_, 2);
}

}  // namespace
}  // namespace hubkeep
