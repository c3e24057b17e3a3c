#pragma once
// DiskParts: what the workers of a DiskBlobStore share. Made by the store, which outlives them. The
// two shared pointers are for handles that may outlive the store: marks of use and reservations.

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "common/log.hpp"
#include "server/store/index.hpp"
#include "server/store/layout.hpp"
#include "server/store/space.hpp"
#include "server/store/use_table.hpp"

namespace hubkeep {

struct DiskParts {
    const Layout layout;
    Index& index;
    Log& log;
    const std::shared_ptr<UseTable> uses;
    const std::shared_ptr<Space> space;
    const std::function<std::int64_t()> clock;
    std::atomic<std::int64_t> latest{0};
    // Held while times of use are moved to the index, and while victims are chosen by them.
    std::mutex touches_mutex;

    // Seconds since 1970, never going back while this process runs: they order what is evicted.
    std::int64_t now() {
        const auto time = clock();
        auto known = latest.load();
        while (known < time && !latest.compare_exchange_weak(known, time)) {
        }
        return std::max(known, time);
    }

    // Writes the times of use into the index; the caller may do so at leisure or wait.
    void write_touches() {
        const std::lock_guard lock(touches_mutex);
        auto touched = uses->take_touched();
        if (!touched.empty()) index.post({TouchBlobs{std::move(touched)}});
    }
};

}  // namespace hubkeep
