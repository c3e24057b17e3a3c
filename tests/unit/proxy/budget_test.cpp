#include "server/proxy/budget.hpp"

#include <gtest/gtest.h>

namespace hubkeep {
namespace {

using Verdict = Budget::Verdict;

// A clock that stands until it is moved, and one account.
class BudgetTest : public testing::Test {
  protected:
    Verdict ask(Priority priority = Priority::foreground) {
        last = budget.take(account, priority, now, io.get_executor());
        return last.verdict;
    }
    void answer(std::uint64_t left, std::int64_t reset, int quota = 100) {
        Budget::Report report;
        report.limit = RateLimit{"api", left, reset};
        report.policy = RateLimitPolicy{"api", static_cast<std::uint64_t>(quota), 300};
        budget.settle(account, report, now);
    }
    void refuse(std::int64_t reset) {
        Budget::Report report{.refused = true};
        report.limit = RateLimit{"api", 0, reset};
        budget.settle(account, report, now);
    }
    bool woken(const std::shared_ptr<Ticket>& ticket) {
        io.restart();
        io.poll();
        return ticket->woken;
    }

    asio::io_context io;
    Budget budget;
    Budget::Account account{"https://hub", "", Bucket::api};
    TimePoint now{hours_in};
    Budget::Decision last;
    static constexpr auto hours_in = std::chrono::hours(5);
};

TEST_F(BudgetTest, WithoutKnowledgeEverybodyGoes) {
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(ask(Priority::background), Verdict::go);
    EXPECT_TRUE(budget.snapshot(now).empty());
}

TEST_F(BudgetTest, A429ClosesItsBucketUntilTheReset) {
    ask();
    refuse(30);
    EXPECT_EQ(ask(), Verdict::wait);
    EXPECT_EQ(last.until, now + seconds(30));
    EXPECT_EQ(ask(Priority::revalidation), Verdict::refuse);
    const auto line = budget.line(account, now + seconds(10));
    EXPECT_TRUE(line.closed);
    EXPECT_EQ(line.limit.reset_seconds, 20);
    account.bucket = Bucket::resolvers;
    EXPECT_EQ(ask(), Verdict::go) << "another bucket";
    account.bucket = Bucket::api;
    account.who = "somebody else";
    EXPECT_EQ(ask(), Verdict::go) << "another account";
}

TEST_F(BudgetTest, TheLastOneOfTheQuotaClosesWithoutA429) {
    ask();
    answer(0, 30);
    EXPECT_EQ(ask(), Verdict::wait);
    now += seconds(30);
    EXPECT_EQ(ask(), Verdict::go);
    EXPECT_EQ(ask(), Verdict::wait) << "only one tries";
}

TEST_F(BudgetTest, AfterTheResetOneTriesAndEachGoodAnswerLetsTwoMoreGo) {
    ask();
    refuse(3);
    std::vector<std::shared_ptr<Ticket>> waiting;
    for (int i = 0; i < 5; ++i) {
        ask();
        waiting.push_back(last.ticket);
    }
    now += seconds(3);
    budget.leave(account, waiting[0], false);
    EXPECT_EQ(ask(), Verdict::go) << "the first whose timer fires";
    EXPECT_EQ(ask(), Verdict::wait);
    EXPECT_EQ(last.until, TimePoint::max());
    answer(99, 300);
    EXPECT_TRUE(woken(waiting[1]));
    EXPECT_TRUE(woken(waiting[2]));
    EXPECT_FALSE(woken(waiting[3]));
    EXPECT_EQ(ask(), Verdict::go);
    EXPECT_EQ(ask(), Verdict::go);
    EXPECT_EQ(ask(), Verdict::wait);
}

TEST_F(BudgetTest, ARefusedTryClosesAgainAndTellsAllWhoWait) {
    ask();
    refuse(2);
    now += seconds(2);
    EXPECT_EQ(ask(), Verdict::go);
    ask();
    const auto ticket = last.ticket;
    refuse(100);
    EXPECT_TRUE(woken(ticket));
    EXPECT_EQ(ask(), Verdict::wait);
    EXPECT_EQ(last.until, now + seconds(100));
}

TEST_F(BudgetTest, ATryThatEndsWithoutAnAnswerLetsAnotherTry) {
    ask();
    refuse(2);
    now += seconds(2);
    ask();
    ask();
    const auto ticket = last.ticket;
    budget.give_up(account);
    EXPECT_TRUE(woken(ticket));
    EXPECT_EQ(ask(), Verdict::go);
}

TEST_F(BudgetTest, OneThatGivesUpWaitingPassesItsTurnOn) {
    ask();
    refuse(2);
    now += seconds(2);
    ask();
    ask();
    const auto first = last.ticket;
    ask();
    const auto second = last.ticket;
    ask();
    const auto third = last.ticket;
    answer(50, 300);
    EXPECT_TRUE(woken(first) && woken(second));
    EXPECT_FALSE(woken(third));
    budget.leave(account, first, true);
    EXPECT_TRUE(woken(third));
}

TEST_F(BudgetTest, NoMoreAreUnderWayThanAreLeft) {
    ask();
    answer(2, 30);
    EXPECT_EQ(ask(), Verdict::go);
    EXPECT_EQ(ask(), Verdict::go);
    EXPECT_EQ(ask(), Verdict::wait);
    answer(1, 30);
    EXPECT_EQ(ask(), Verdict::wait) << "one is left, and one is under way";
    answer(1, 30);
    EXPECT_EQ(ask(), Verdict::go);
}

TEST_F(BudgetTest, AnswersThatOvertakeEachOtherRaiseNothing) {
    ask();
    ask();
    ask();
    answer(1, 30);
    answer(60, 30);
    EXPECT_EQ(budget.line(account, now).limit.left, 1u);
    answer(80, 300);
    EXPECT_EQ(budget.line(account, now).limit.left, 80u) << "a new window";
}

TEST_F(BudgetTest, BackgroundLeavesThreeQuartersOfTheTimesShare) {
    ask();
    answer(20, 150);  // 12.5 would be a quarter of half a window
    EXPECT_EQ(ask(Priority::background), Verdict::go);
    answer(12, 150);
    EXPECT_EQ(ask(Priority::background), Verdict::refuse);
    EXPECT_EQ(ask(Priority::revalidation), Verdict::go);
    now += seconds(30);  // less time is left for what is left
    EXPECT_EQ(ask(Priority::background), Verdict::go);
}

TEST_F(BudgetTest, TheLastTwentiethIsForThoseWhoHaveNothing) {
    ask();
    answer(4, 10);
    EXPECT_EQ(ask(Priority::revalidation), Verdict::refuse);
    EXPECT_EQ(last.until, now + seconds(10));
    EXPECT_EQ(ask(Priority::background), Verdict::refuse);
    EXPECT_EQ(ask(Priority::foreground), Verdict::go);
}

TEST_F(BudgetTest, A429WithoutATimePausesForAMoment) {
    ask();
    budget.settle(account, {.refused = true}, now);
    EXPECT_EQ(ask(), Verdict::wait);
    EXPECT_EQ(last.until, now + seconds(10));
    budget.settle(account, {.refused = true, .retry_after_seconds = 60}, now);
    now += seconds(1);
    budget.settle(account, {.refused = true}, now);
    EXPECT_EQ(budget.line(account, now).limit.reset_seconds, 59) << "a longer known time stays";
}

TEST_F(BudgetTest, AccountsAreBoundedAndTheRestIsNotCounted) {
    for (int i = 0; i < 2000; ++i) {
        account.who = std::to_string(i);
        EXPECT_EQ(ask(), Verdict::go);
        refuse(60);
    }
    EXPECT_EQ(budget.snapshot(now).size(), 1000u);
    EXPECT_EQ(ask(), Verdict::go);
    now += seconds(60);
    account.who = "later";
    ask();
    refuse(60);
    EXPECT_EQ(budget.snapshot(now).size(), 1u);
}

}  // namespace
}  // namespace hubkeep
