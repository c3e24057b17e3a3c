// TransferSlots: who gets a connection, who waits, and that nobody waits for ever.

#include "server/proxy/transfer_slots.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <vector>

namespace hubkeep {
namespace {

class TransferSlotsTest : public testing::Test {
  protected:
    // Takes a slot and notes its number; keeps it until drop().
    void ask(TransferSlots& slots, int number) {
        asio::co_spawn(context_.get_executor(), hold(slots, number), asio::detached);
        poll();
    }
    void poll() {
        context_.restart();
        context_.poll();
    }
    void drop(int number) {
        std::erase_if(held_, [&](const auto& one) { return one.first == number; });
        poll();
    }
    std::vector<int> holders() const {
        std::vector<int> numbers;
        for (const auto& [number, slot] : held_) numbers.push_back(number);
        return numbers;
    }
    Task<void> hold(TransferSlots& slots, int number) {
        auto slot = co_await slots.take();
        held_.emplace_back(number, std::move(slot));
    }

    asio::io_context context_;
    std::vector<std::pair<int, TransferSlots::Slot>> held_;
};

TEST_F(TransferSlotsTest, WhatClientsWaitForTakesItsTurn) {
    TransferSlots slots({.waited_for = 2, .further = 8, .per_host = 8});
    for (int n = 0; n < 5; ++n) ask(slots, n);
    EXPECT_EQ(holders(), (std::vector{0, 1}));
    drop(1);
    EXPECT_EQ(holders(), (std::vector{0, 2}));
    drop(0);
    drop(2);
    EXPECT_EQ(holders(), (std::vector{3, 4}));
    drop(3);
    drop(4);
    ask(slots, 5);
    EXPECT_EQ(holders(), (std::vector{5}));
    held_.clear();
}

TEST_F(TransferSlotsTest, FurtherConnectionsAreBoundedPerHostAndInAll) {
    TransferSlots slots({.waited_for = 1, .further = 3, .per_host = 2});
    auto first = slots.try_take_further("a");
    auto second = slots.try_take_further("a");
    EXPECT_TRUE(first && second && first.is_further());
    EXPECT_FALSE(slots.try_take_further("a"));
    auto third = slots.try_take_further("b");
    EXPECT_TRUE(third);
    EXPECT_FALSE(slots.try_take_further("c"));
    first.give_back();
    EXPECT_FALSE(first);
    EXPECT_TRUE(slots.try_take_further("c"));
    third = slots.try_take_further("b");
    EXPECT_TRUE(third) << "what it held was given back";
}

TEST_F(TransferSlotsTest, WhatAClientWaitsForNeverWaitsForFurtherOnes) {
    TransferSlots slots({.waited_for = 1, .further = 2, .per_host = 2});
    auto further = slots.try_take_further("a");
    auto another = slots.try_take_further("a");
    ask(slots, 1);
    EXPECT_EQ(holders(), (std::vector{1}));
    EXPECT_FALSE(slots.are_wanted());
    held_.clear();
}

TEST_F(TransferSlotsTest, WhileAClientWaitsThereAreNoFurtherOnes) {
    TransferSlots slots({.waited_for = 1, .further = 2, .per_host = 2});
    ask(slots, 1);
    ask(slots, 2);
    EXPECT_TRUE(slots.are_wanted());
    EXPECT_FALSE(slots.try_take_further("a"));
    drop(1);
    EXPECT_EQ(holders(), (std::vector{2}));
    EXPECT_FALSE(slots.are_wanted());
    EXPECT_TRUE(slots.try_take_further("a"));
    held_.clear();
}

}  // namespace
}  // namespace hubkeep
