#pragma once
// Coalescer: many ask the same question at once, one of them is asked upstream, all get the answer.
// The work is a task of its own, owned by no asker: one that stops waiting stops nothing. Any
// thread; answers are copied to each asker. It must outlive its tasks.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/task.hpp"
#include "common/task_group.hpp"
#include "common/waiters.hpp"

namespace hubkeep {

template <typename T>
class Coalescer {
  public:
    struct Answer {
        T value;
        bool joined = false;  // somebody else had already asked
    };

    // `start` is called only by the first asker of `key`. Nothing when `deadline` passed first, or
    // when the work threw, which is a bug.
    Task<std::optional<Answer>> ask(TaskGroup& tasks, std::string key,
                                    std::function<Task<T>()> start, TimePoint deadline) {
        const Executor executor = co_await asio::this_coro::executor;
        std::shared_ptr<Call> call;
        bool joined = true;
        {
            const std::lock_guard lock(mutex_);
            auto& slot = calls_[key];
            if (!slot) {
                slot = std::make_shared<Call>();
                joined = false;
            }
            call = slot;
        }
        if (!joined) tasks.spawn("question", run(call, std::move(key), std::move(start)));
        for (;;) {
            std::shared_ptr<Ticket> ticket;
            {
                const std::lock_guard lock(mutex_);
                if (call->value) co_return Answer{*call->value, joined};
                if (call->over) co_return std::nullopt;
                ticket = call->waiters.enroll(executor);
            }
            const bool woken = co_await wait(ticket, deadline);
            if (!woken) co_return std::nullopt;
        }
    }

  private:
    struct Call {
        std::optional<T> value;
        bool over = false;
        Waiters waiters;
    };

    // Ends the call on every way out, so that no asker of this key waits for nothing.
    struct Ending {
        Coalescer& coalescer;
        Call& call;
        const std::string& key;
        ~Ending() {
            Tickets tickets;
            {
                const std::lock_guard lock(coalescer.mutex_);
                call.over = true;
                coalescer.calls_.erase(key);
                tickets = call.waiters.take();
            }
            wake(std::move(tickets));
        }
    };

    Task<void> run(std::shared_ptr<Call> call, std::string key, std::function<Task<T>()> start) {
        const Ending ending{*this, *call, key};
        auto value = co_await start();
        const std::lock_guard lock(mutex_);
        call->value.emplace(std::move(value));
    }

    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<Call>> calls_;
};

}  // namespace hubkeep
