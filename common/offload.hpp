#pragma once
// offload(pool, f): runs a plain blocking function on a thread pool and resumes the coroutine on
// its own io thread with the result. A hop costs some 20 us, so move at least 256 KiB with each.
// The function must not throw and must own what it touches, or its owner must await it.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <type_traits>
#include <utility>

#include "common/task.hpp"

namespace hubkeep {

template <typename Function>
Task<std::invoke_result_t<Function>> offload(asio::thread_pool& pool, Function function) {
    using Value = std::invoke_result_t<Function>;
    const Executor executor = co_await asio::this_coro::executor;
    std::optional<Value> value;
    auto start = [&](auto handler) {
        // The io thread must not run out of work while the pool has the handler.
        auto guard = asio::make_work_guard(executor);
        asio::post(pool, [&, handler = std::move(handler), guard = std::move(guard)]() mutable {
            value.emplace(function());
            asio::post(executor, std::move(handler));
        });
    };
    co_await asio::async_initiate<const UseTask, void()>(start, UseTask{});
    co_return std::move(*value);
}

}  // namespace hubkeep
