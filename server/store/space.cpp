#include "server/store/space.hpp"

#include <algorithm>

namespace hubkeep {
namespace {

// Sizes come from rows on disk, so a sum that does not add up must not wrap around.
void subtract(std::uint64_t& from, std::uint64_t bytes) {
    from -= std::min(from, bytes);
}

}  // namespace

void Space::load(const IndexReader::Totals& totals) {
    const std::lock_guard lock(mutex_);
    usage_.blobs = totals.blobs;
    usage_.blob_bytes = totals.blob_bytes;
    usage_.partial_bytes = totals.partial_bytes;
}

StoreUsage Space::usage() const {
    const std::lock_guard lock(mutex_);
    return usage_;
}

std::uint64_t Space::missing_for(std::uint64_t bytes) const {
    const std::lock_guard lock(mutex_);
    const auto used = usage_.blob_bytes + usage_.partial_bytes + usage_.reserved_bytes;
    const auto wanted = used + bytes;
    return wanted > usage_.limit_bytes ? wanted - usage_.limit_bytes : 0;
}

void Space::promise(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    usage_.reserved_bytes += bytes;
}

void Space::give_back(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    subtract(usage_.reserved_bytes, bytes);
}

void Space::wrote(PartialAccount* account, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    subtract(usage_.reserved_bytes, bytes);
    if (account == nullptr || account->closed) return;
    account->written += bytes;
    usage_.partial_bytes += bytes;
}

void Space::remembered(PartialAccount& account, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (account.closed) return;
    account.remembered = bytes;
    if (account.written >= bytes) return;
    usage_.partial_bytes += bytes - account.written;
    account.written = bytes;
}

void Space::gone(PartialAccount& account) {
    const std::lock_guard lock(mutex_);
    if (account.closed) return;
    account.closed = true;
    subtract(usage_.partial_bytes, account.written);
}

void Space::let_go(PartialAccount& account) {
    const std::lock_guard lock(mutex_);
    if (account.closed) return;
    account.closed = true;
    subtract(usage_.partial_bytes, account.written - account.remembered);
}

void Space::add_blob(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    usage_.blob_bytes += bytes;
    ++usage_.blobs;
}

void Space::remove_blob(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    subtract(usage_.blob_bytes, bytes);
    subtract(usage_.blobs, 1);
}

void Space::add_partial(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    usage_.partial_bytes += bytes;
}

void Space::remove_partial(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    subtract(usage_.partial_bytes, bytes);
}

void SpaceReservation::use(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto used = std::min(bytes, left_);
    left_ -= used;
    space_->wrote(account_.get(), used);
}

}  // namespace hubkeep
