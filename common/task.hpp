#pragma once
// The async dialect. Coroutines are Task<T>; they run on one io thread from start to end. I/O is
// awaited with `as_result`, which turns error codes into values. One co_await per statement, never
// in a condition. Nothing here uses Asio's cancellation slots: cancelling means closing the stream
// or waking the waiter, always on the coroutine's own thread (Asio 1.81 races otherwise).

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace hubkeep {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

using Executor = asio::io_context::executor_type;
template <typename T = void>
using Task = asio::awaitable<T, Executor>;

using UseTask = asio::use_awaitable_t<Executor>;
inline constexpr auto as_result = asio::as_tuple(UseTask{});

using SteadyClock = std::chrono::steady_clock;
using TimePoint = SteadyClock::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace hubkeep
