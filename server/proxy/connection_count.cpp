#include "server/proxy/connection_count.hpp"

#include <algorithm>

namespace hubkeep {
namespace {

// What twice as many connections must bring at least, as a share of what they brought before.
constexpr double clear_gain = 1.15;
// A new connection needs some round trips before it is at its speed.
constexpr int patience = 4;
constexpr double much_held_up = 0.3;

}  // namespace

void ConnectionCount::note(const Measured& measured) {
    // Before all of them run there is nothing to learn; nor from a line that stands still.
    if (measured.connections < wanted_ || measured.bytes == 0 || measured.seconds <= 0) return;
    const double rate = static_cast<double>(measured.bytes) / measured.seconds;
    const bool gained = before_ > 0 && rate >= clear_gain * rate_before_;
    if (before_ > 0 && !gained) {
        if (++windows_ >= patience) settle();
        return;
    }
    if (gained) next_rest_ = first_rest;
    before_ = 0;
    if (rest_ > 0) --rest_;
    if (rest_ > 0 || wanted_ >= most_ || measured.held_up >= much_held_up) return;
    before_ = wanted_;
    rate_before_ = rate;
    windows_ = 0;
    wanted_ = std::min(2 * wanted_, most_);
}

void ConnectionCount::settle() {
    wanted_ = before_;
    before_ = 0;
    rest_ = next_rest_;
    next_rest_ = std::min(2 * next_rest_, longest_rest);
}

void ConnectionCount::back_off(std::size_t running) {
    most_ = running > 1 ? running - 1 : 1;
    wanted_ = most_;
    before_ = 0;
}

void ConnectionCount::cannot_have_more_than(std::size_t running) {
    wanted_ = std::max<std::size_t>(1, running);
    before_ = 0;
    rest_ = first_rest;
}

void ConnectionCount::only_one() {
    most_ = 1;
    wanted_ = 1;
    before_ = 0;
}

}  // namespace hubkeep
