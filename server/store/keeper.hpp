#pragma once
// Keeper: the store's housekeeping thread. It scans once, taking its time, writes times of use
// every minute and examines what somebody stumbled over. Nothing that serves a client waits for it.

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "server/store/examiner.hpp"

namespace hubkeep {

class Keeper {
  public:
    Keeper(DiskParts& parts, std::unique_ptr<IndexReader> reader)
        : parts_(parts), examiner_(parts, std::move(reader)) {}

    void start();
    // Any thread; returns at once.
    void examine_later(const Digest& digest);
    // Returns when the scan is over and nothing is left to examine; blocking.
    void wait_until_idle();
    // Writes the times of use and ends the thread.
    void stop();

  private:
    void run(const std::stop_token& stop);
    void breathe(const std::stop_token& stop);
    void write_touches_when_due();
    void examine_suspects(const std::stop_token& stop);

    DiskParts& parts_;
    Examiner examiner_;          // the thread's
    TimePoint touches_due_{};    // the thread's
    TimePoint working_since_{};  // the thread's

    std::mutex mutex_;  // guards the next four
    std::condition_variable_any changed_;
    std::unordered_set<Digest, DigestHash> suspects_;
    bool busy_ = true;  // until the scan is over, and while something is examined

    std::jthread thread_;  // last: it uses everything above
};

}  // namespace hubkeep
