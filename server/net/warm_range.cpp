#include "server/net/warm_range.hpp"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/offload.hpp"

namespace hubkeep {
namespace {

constexpr std::uint64_t window_bytes = 1024 * 1024;
constexpr std::uint64_t probe_step = 256 * 1024;
constexpr std::uint64_t ahead_bytes = 8 * window_bytes;
constexpr std::size_t read_step = 64 * 1024;

// False when reading that byte would wait for the disk (preadv2(2), RWF_NOWAIT), and where the file
// system cannot tell.
bool in_memory(int fd, std::uint64_t offset) {
    char byte = 0;
    iovec vector{&byte, 1};
    const auto count = ::preadv2(fd, &vector, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    return count >= 0 || (errno != EAGAIN && errno != EOPNOTSUPP);
}

// On a thread for disks.
void read_through(const File& file, ByteRange range) {
    std::array<char, read_step> dropped;
    for (auto offset = range.begin; offset < range.end; offset += dropped.size()) {
        const auto size = std::min<std::uint64_t>(dropped.size(), range.end - offset);
        const auto count = file.read_at(offset, {dropped.data(), size});
        if (!count || *count < size) return;
    }
}

}  // namespace

std::uint64_t WarmRange::window_end(std::uint64_t offset) const {
    return std::min(range_.end, offset + window_bytes);
}

bool WarmRange::has(std::uint64_t offset) {
    if (offset < until_) return true;
    const bool ask_again =
        asked_ > range_.begin && asked_ < range_.end && asked_ < offset + ahead_bytes / 2;
    const auto end = window_end(offset);
    if (ask_again || !in_memory(file_.fd(), end - 1)) return false;
    for (auto at = offset; at < end; at += probe_step) {
        if (!in_memory(file_.fd(), at)) return false;
    }
    until_ = end;
    return true;
}

Task<void> WarmRange::fetch(std::uint64_t offset) {
    const ByteRange window{offset, window_end(offset)};
    const ByteRange ask{std::max(asked_, offset), std::min(range_.end, offset + ahead_bytes)};
    const auto work = [&file = file_, window, ask] {
        if (!ask.empty()) {
            ::posix_fadvise(file.fd(), static_cast<off_t>(ask.begin),
                            static_cast<off_t>(ask.size()), POSIX_FADV_WILLNEED);
        }
        read_through(file, window);
        return true;
    };
    co_await offload(thread_.disk_readers(), work);
    asked_ = ask.end;
    until_ = window.end;
}

}  // namespace hubkeep
