#pragma once
// TransferSlots: how many connections may bring bytes of files at once, so that neither a server
// nor this machine is asked for too much. What a client waits for takes its turn, first come, first
// served, and never behind connections that only make a transfer faster: those do not wait at all,
// they are had or not, are bounded per host and in all, and are not had while a client waits. Who
// holds a slot waits for no other, so there is always somebody who goes on. Any thread.

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "common/waiters.hpp"

namespace hubkeep {

class TransferSlots {
  public:
    struct Limits {
        std::size_t waited_for = 0;  // connections that clients wait for, in all
        std::size_t further = 0;     // further ones, in all
        std::size_t per_host = 0;    // further ones to one host
    };
    explicit TransferSlots(Limits limits) : limits_(limits) {}
    TransferSlots(const TransferSlots&) = delete;
    TransferSlots& operator=(const TransferSlots&) = delete;

    // Given back when it goes; it must not outlive the slots.
    class Slot {
      public:
        Slot() = default;
        Slot(Slot&& other) noexcept;
        Slot& operator=(Slot&& other) noexcept;
        ~Slot() { give_back(); }
        void give_back();
        explicit operator bool() const { return slots_ != nullptr; }
        bool is_further() const { return !host_.empty(); }

      private:
        friend class TransferSlots;
        Slot(TransferSlots* slots, std::string host) : slots_(slots), host_(std::move(host)) {}
        TransferSlots* slots_ = nullptr;
        std::string host_;  // "" for one that a client waits for
    };

    // One that a client waits for, when its turn comes.
    Task<Slot> take();
    // A further connection to `host`, which has a name; an empty slot when there is none now.
    Slot try_take_further(std::string host);
    // A client waits: who could do without a further connection gives it back.
    bool are_wanted() const;

  private:
    void put_back(const std::string& host);

    const Limits limits_;
    mutable std::mutex mutex_;  // guards what follows
    std::size_t waited_for_ = 0;
    std::size_t further_ = 0;
    std::map<std::string, std::size_t> hosts_;     // with further connections
    std::deque<std::shared_ptr<Ticket>> waiting_;  // one that is woken has its slot already
};

}  // namespace hubkeep
