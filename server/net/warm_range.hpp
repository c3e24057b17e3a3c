#pragma once
// WarmRange: how much of a range of a file is known to be in the page cache. What is not is read by
// a thread for disks, so that a slow disk delays one answer and not the others of the io thread;
// the disk is asked for the following bytes, too, and works while the first ones are sent. Lives in
// the coroutine that sends the range, on its io thread; the file outlives it.

#include "common/byte_range.hpp"
#include "common/file.hpp"
#include "common/task.hpp"
#include "server/net/io_threads.hpp"

namespace hubkeep {

class WarmRange {
  public:
    WarmRange(const File& file, ByteRange range, IoThread& thread)
        : file_(file), range_(range), thread_(thread), until_(range.begin), asked_(range.begin) {}

    // True when bytes from `offset` on can be read without waiting for the disk: up to until().
    // Offsets only grow.
    bool has(std::uint64_t offset);
    // Otherwise: after it has() is true. A disk that fails is left for the one who reads to notice.
    Task<void> fetch(std::uint64_t offset);
    std::uint64_t until() const { return until_; }

  private:
    std::uint64_t window_end(std::uint64_t offset) const;
    bool asked_far_enough(std::uint64_t offset) const;
    const File& file_;
    const ByteRange range_;
    IoThread& thread_;
    std::uint64_t until_;
    std::uint64_t asked_;  // the disk was asked for what is in front of it; range_.begin: never
};

}  // namespace hubkeep
