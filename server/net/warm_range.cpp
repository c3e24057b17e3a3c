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

// As far as a look at some of its bytes can tell.
bool is_warm(int fd, ByteRange window) {
    if (!in_memory(fd, window.end - 1)) return false;
    for (auto at = window.begin; at < window.end; at += probe_step) {
        if (!in_memory(fd, at)) return false;
    }
    return true;
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

bool WarmRange::asked_far_enough(std::uint64_t offset) const {
    const bool never = asked_ == range_.begin;
    if (never || asked_ == range_.end || asked_ >= offset + ahead_bytes / 2) return true;
    return in_memory(file_.fd(), asked_);
}

bool WarmRange::has(std::uint64_t offset) {
    if (offset < until_) return true;
    const ByteRange window{offset, window_end(offset)};
    if (!asked_far_enough(offset) || !is_warm(file_.fd(), window)) return false;
    until_ = window.end;
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
        if (!is_warm(file.fd(), window)) read_through(file, window);
        return true;
    };
    co_await offload(thread_.disk_readers(), work);
    asked_ = ask.end;
    until_ = window.end;
}

}  // namespace hubkeep
