// Stream::send_file. Pages that are in memory go out with sendfile(2) at once. A window that is not
// in memory is first asked for and awaited with a timer, so that a slow disk delays this answer and
// not the other sessions of the thread.

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include <optional>

#include "common/waiters.hpp"
#include "server/net/stream_state.hpp"

namespace hubkeep {
namespace {

constexpr std::uint64_t call_bytes = 1024 * 1024;
constexpr std::uint64_t readahead_bytes = 8 * call_bytes;
constexpr std::uint64_t worth_a_cork = 64 * 1024;
constexpr std::size_t tls_block = 128 * 1024;
constexpr auto cold_nap = milliseconds(1);
constexpr int cold_naps = 50;  // then the read blocks: some file systems cannot tell

// False when reading the last byte of the window would wait for the disk (preadv2(2), RWF_NOWAIT).
bool in_memory(int fd, ByteRange window) {
    char byte = 0;
    iovec vector{&byte, 1};
    const auto count = ::preadv2(fd, &vector, 1, static_cast<off_t>(window.end - 1), RWF_NOWAIT);
    return count >= 0 || errno != EAGAIN;
}

// The disk is asked for the following windows, too, so that it works while the first one is sent.
Task<void> warm(int fd, ByteRange window, std::uint64_t end) {
    for (int nap = 0; nap < cold_naps && !in_memory(fd, window); ++nap) {
        if (nap == 0) {
            const auto size = std::min(readahead_bytes, end - window.begin);
            ::posix_fadvise(fd, static_cast<off_t>(window.begin), static_cast<off_t>(size),
                            POSIX_FADV_WILLNEED);
        }
        co_await sleep_for(cold_nap);
    }
}

ByteRange window_at(std::uint64_t begin, std::uint64_t end) {
    return {begin, std::min(end, begin + call_bytes)};
}

// While it lives, only full segments leave: sendfile in windows otherwise ends each with a short
// one.
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
    std::uint64_t count = 0;
    state_->progress(stall);
    auto result = state_->tls ? state_->send_tls(file, range, stall, sent ? *sent : count)
                              : state_->send_plain(file, range, stall, sent ? *sent : count);
    auto done = co_await std::move(result);
    co_return done;
}

Task<Result<void>> Stream::State::send_plain(const File& file, ByteRange range,
                                             SteadyClock::duration stall, std::uint64_t& sent) {
    auto offset = static_cast<off_t>(range.begin);
    const auto end = static_cast<off_t>(range.end);
    off_t warm_until = offset;
    std::optional<Cork> cork;
    if (range.size() > worth_a_cork) cork.emplace(socket);
    while (offset < end) {
        if (due()) co_await rest();
        const auto window = window_at(static_cast<std::uint64_t>(offset), range.end);
        if (offset >= warm_until) {
            if (!in_memory(file.fd(), window)) co_await warm(file.fd(), window, range.end);
            warm_until = static_cast<off_t>(window.end);
        }
        if (!socket.is_open()) co_return failure({}, "sending a file");
        const auto count = ::sendfile(socket.native_handle(), file.fd(), &offset, window.size());
        if (count > 0) {
            sent += static_cast<std::uint64_t>(count);
            burst += static_cast<std::size_t>(count);
            progress(stall);
            continue;
        }
        if (count == 0) co_return truncated(static_cast<std::uint64_t>(offset));
        if (errno == EINTR) continue;
        if (errno != EAGAIN) {
            co_return failure({errno, boost::system::system_category()}, "sending a file");
        }
        const auto ec = co_await wait_for(Socket::wait_write);
        if (ec) co_return failure(ec, "sending a file");
    }
    co_return Result<void>();
}

Task<Result<void>> Stream::State::send_tls(const File& file, ByteRange range,
                                           SteadyClock::duration stall, std::uint64_t& sent) {
    const auto block = std::make_unique_for_overwrite<char[]>(tls_block);
    std::uint64_t warm_until = range.begin;
    for (std::uint64_t offset = range.begin; offset < range.end;) {
        if (due()) co_await rest();
        if (offset >= warm_until) {
            const auto window = window_at(offset, range.end);
            if (!in_memory(file.fd(), window)) co_await warm(file.fd(), window, range.end);
            warm_until = window.end;
        }
        const auto want = std::min<std::uint64_t>(tls_block, range.end - offset);
        const auto count = file.read_at(offset, {block.get(), want});
        if (!count) co_return std::unexpected(count.error());
        if (*count < want) co_return truncated(offset + *count);
        const asio::const_buffer piece(block.get(), *count);
        auto written = co_await write_tls(Pieces({&piece, 1}), {.stall = stall});
        if (!written) co_return written;
        offset += *count;
        sent += *count;
    }
    co_return Result<void>();
}

}  // namespace hubkeep
