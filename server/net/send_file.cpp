// Stream::send_file and send_frames. What is in memory leaves in bursts; what is not is first
// fetched by a thread for disks.

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "common/check.hpp"
#include "server/net/stream_state.hpp"
#include "server/net/warm_range.hpp"

namespace hubkeep {
namespace {

constexpr std::uint64_t worth_a_cork = 64 * 1024;

// While it lives, only full segments leave: sendfile in windows and TLS in records otherwise end
// each with a short one.
class Cork {
  public:
    explicit Cork(Socket& socket) : socket_(socket) { set(1); }
    Cork(const Cork&) = delete;
    Cork& operator=(const Cork&) = delete;
    ~Cork() { set(0); }

  private:
    void set(int on) {
        if (!socket_.is_open()) return;
        ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    }
    Socket& socket_;
};

std::unexpected<Error> truncated(std::uint64_t at) {
    return fail(ErrorKind::corrupt,
                "a stored file ends at byte " + std::to_string(at) + ", before its known size");
}

}  // namespace

Task<Result<void>> Stream::send_file(const File& file, ByteRange range, SteadyClock::duration stall,
                                     std::uint64_t* sent) {
    return send_frames(file, Frames::unframed(range), {0, range.size()}, stall, sent);
}

Task<Result<void>> Stream::send_frames(const File& file, Frames frames, ByteRange physical,
                                       SteadyClock::duration stall, std::uint64_t* sent) {
    State& s = *state_;
    CHECK(physical.end <= frames.physical_size());
    s.progress(stall);
    const auto data = frames.data_in(physical);
    WarmRange warm(file, data, thread_);
    std::optional<Cork> cork;
    if (physical.size() > worth_a_cork) cork.emplace(s.socket);
    for (auto at = physical.begin; at < physical.end;) {
        if (s.due()) co_await s.rest();
        const auto position = frames.position_of(at);
        if (position < data.end && !warm.has(position)) co_await warm.fetch(position);
        if (!s.socket.is_open()) co_return s.failure({}, "sending a file");
        const auto until =
            warm.until() < data.end ? frames.physical_of(warm.until()) : physical.end;
        const Step step = s.send_now(file, frames, {at, std::min(until, at + State::burst_bytes)});
        s.moved(step, stall);
        at += step.bytes;
        if (sent != nullptr) *sent += step.bytes;
        if (step.kind == Step::Kind::done) continue;
        if (step.kind == Step::Kind::ended) co_return truncated(frames.position_of(at));
        if (step.kind == Step::Kind::failed) co_return s.failure(step.error, "sending a file");
        const auto ec = co_await s.wait_for(step);
        if (ec) co_return s.failure(ec, "sending a file");
    }
    co_return Result<void>();
}

}  // namespace hubkeep
