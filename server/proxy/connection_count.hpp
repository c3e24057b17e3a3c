#pragma once
// ConnectionCount: how many connections bring one file. It begins with one, and doubles as long as
// all together bring clearly more than half as many did; when that is not so, it goes back, and
// tries again after a while. Where the store is what the network waits for, more connections would
// bring nothing and are not tried. Pure; the caller measures and owns the clock.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hubkeep {

class ConnectionCount {
  public:
    // How long to measure for one step.
    static constexpr auto window = std::chrono::milliseconds(150);

    explicit ConnectionCount(std::size_t most) : most_(most) {}

    std::size_t wanted() const { return wanted_; }
    // What came in a window of time: the bytes, over how many connections, and which part of the
    // time (0 to 1) these waited for the store to take what they had.
    struct Measured {
        double seconds = 0;
        std::uint64_t bytes = 0;
        std::size_t connections = 0;
        double held_up = 0;
    };
    void note(const Measured& measured);
    // A server does not want as many as are running: one fewer from now on, and no more trials.
    void back_off(std::size_t running);
    // There is no room for more now: these stay, and a trial is made after a while.
    void cannot_have_more_than(std::size_t running);
    // More than one connection is of no use here.
    void only_one();

  private:
    void settle();

    std::size_t most_;
    std::size_t wanted_ = 1;
    std::size_t before_ = 0;  // the count before the trial that is on; 0: there is none
    double rate_before_ = 0;  // bytes per second with it
    int windows_ = 0;         // of the trial so far
    int rest_ = 0;            // windows until the next trial
    int next_rest_ = first_rest;

    static constexpr int first_rest = 6;
    static constexpr int longest_rest = 400;
};

}  // namespace hubkeep
