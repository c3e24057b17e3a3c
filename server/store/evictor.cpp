#include "server/store/evictor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace hubkeep {
namespace {

constexpr std::size_t page_rows = 256;
// Each may say in almost a megabyte what it has.
constexpr std::size_t page_partials = 16;
// Transfers take their room on the disk in steps; what they took and have not filled yet is about
// so much, and not free any more.
constexpr std::uint64_t taken_ahead_bytes = 1024 * 1024 * 1024;
constexpr std::size_t batch_victims = 32;
// Evicting goes this much further than asked, so that not every transfer at the limit evicts.
constexpr std::uint64_t max_slack_bytes = 1024ULL * 1024 * 1024;
constexpr std::uint64_t slack_share = 100;

// Walks rows from the least recently used on, a page at a time.
template <typename Row>
class Oldest {
  public:
    using Fetch = std::function<std::vector<Row>(const std::optional<Row>&)>;
    explicit Oldest(Fetch fetch) : fetch_(std::move(fetch)) {}
    // Nothing at the end. The row stays until pop().
    const Row* front() {
        if (at_ < rows_.size()) return &rows_[at_];
        if (ended_) return nullptr;
        const auto last = rows_.empty() ? std::optional<Row>() : rows_.back();
        rows_ = fetch_(last);
        at_ = 0;
        ended_ = rows_.empty();
        return ended_ ? nullptr : &rows_.front();
    }
    void pop() { ++at_; }

  private:
    Fetch fetch_;
    std::vector<Row> rows_;
    std::size_t at_ = 0;
    bool ended_ = false;
};

}  // namespace

Result<std::uint64_t> Evictor::missing_for(std::uint64_t bytes) const {
    const auto disk = disk_space(parts_.layout.data_dir());
    if (!disk) return std::unexpected(disk.error());
    const auto promised = parts_.space->usage().reserved_bytes;
    const auto wanted = bytes + keep_free_bytes_ + promised - std::min(promised, taken_ahead_bytes);
    const auto on_disk = wanted > disk->free_bytes ? wanted - disk->free_bytes : 0;
    return std::max(parts_.space->missing_for(bytes), on_disk);
}

Result<void> Evictor::make_room(std::uint64_t bytes) {
    const auto limit = parts_.space->usage().limit_bytes;
    const auto too_large = [&] {
        return fail(
            ErrorKind::no_space,
            fmt::format("there is no room for {} bytes more in the store of {} bytes; raise "
                        "cache.max_size or free some of the disk",
                        bytes, limit));
    };
    if (bytes > limit) return too_large();
    std::uint64_t evicted = 0;
    std::uint64_t enough = 0;
    for (;;) {
        const auto missing = missing_for(bytes);
        if (!missing) return std::unexpected(missing.error());
        if (*missing == 0) break;
        // What emptying the whole store would not make room for must not cost a single file.
        const auto usage = parts_.space->usage();
        if (*missing > usage.blob_bytes + usage.partial_bytes) return too_large();
        const auto goal = *missing + std::min(limit / slack_share, max_slack_bytes);
        // A disk that frees late, or that others fill, must not cost the whole store.
        if (enough == 0) enough = goal > limit / 2 ? limit : 2 * goal;
        if (evicted >= enough) return too_large();
        const auto freed = evict(goal);
        if (freed == 0) return too_large();
        evicted += freed;
    }
    parts_.space->promise(bytes);
    if (evicted > 0) parts_.log.info("made room in the store", {{"bytes", evicted}});
    return {};
}

// Who needs room does not wait until thousands of uses are written down. Rows tell the order of
// what was not used since the first use that is only in memory; when that does not give enough, the
// times of use are written, and the rest is in order, too.
std::uint64_t Evictor::evict(std::uint64_t goal) {
    const std::lock_guard lock(parts_.touches_mutex);
    // Times that were on their way are in the rows after this.
    const auto settled = parts_.index.write_now({});
    if (!settled) return 0;
    const auto first_touch = parts_.uses->first_touch();
    const auto freed = evict_oldest(goal, first_touch);
    if (freed >= goal || !first_touch) return freed;
    const auto written = parts_.index.write_now({TouchBlobs{parts_.uses->take_touched()}});
    if (!written) return freed;
    return freed + evict_oldest(goal - freed, std::nullopt);
}

std::uint64_t Evictor::evict_oldest(std::uint64_t goal, std::optional<std::int64_t> not_since) {
    Oldest<IndexReader::StoredBlob> blobs(
        [this](const auto& after) { return reader_->oldest_blobs(after, page_rows); });
    Oldest<IndexReader::StoredPartial> partials(
        [this](const auto& after) { return reader_->oldest_partials(after, page_partials); });
    std::uint64_t freed = 0;
    std::uint64_t chosen = 0;
    std::vector<Victim> victims;
    while (freed + chosen < goal) {
        const auto* blob = blobs.front();
        const auto* partial = partials.front();
        if (blob == nullptr && partial == nullptr) break;
        const bool is_blob = partial == nullptr ||
                             (blob != nullptr && blob->row.last_used <= partial->row.updated_at);
        const auto used_at = is_blob ? blob->row.last_used : partial->row.updated_at;
        if (not_since && used_at >= *not_since) break;
        auto victim = is_blob ? take_blob(blob->digest, not_since.has_value())
                              : take_partial(partial->digest, not_since.has_value());
        if (is_blob) blobs.pop();
        else partials.pop();
        if (!victim) continue;
        chosen += victim->blob_bytes.value_or(victim->partial.present);
        victims.push_back(std::move(*victim));
        if (victims.size() < batch_victims) continue;
        freed += remove(std::exchange(victims, {}));
        chosen = 0;
    }
    return freed + remove(std::move(victims));
}

// The page may be older than what was published or evicted since: the row of now counts.
std::optional<Evictor::Victim> Evictor::take_blob(const Digest& digest, bool spare_touched) {
    // Asked first: who has a digest alone makes others forget what they keep of it.
    if (spare_touched && parts_.uses->was_touched(digest)) return std::nullopt;
    auto alone = parts_.uses->try_alone(digest);
    if (!alone) return std::nullopt;
    const auto row = reader_->blob(digest);
    if (!row) return std::nullopt;
    return Victim{std::move(*alone), digest, row->size, {}};
}

std::optional<Evictor::Victim> Evictor::take_partial(const Digest& digest, bool spare_touched) {
    if (spare_touched && parts_.uses->was_touched(digest)) return std::nullopt;
    auto alone = parts_.uses->try_alone(digest);
    if (!alone) return std::nullopt;
    auto row = reader_->partial(digest);
    if (!row) return std::nullopt;
    return Victim{std::move(*alone), digest, std::nullopt, std::move(*row)};
}

std::uint64_t Evictor::remove(std::vector<Victim> victims) {
    if (victims.empty()) return 0;
    std::vector<IndexWrite> writes;
    for (const auto& victim : victims) {
        if (victim.blob_bytes) writes.push_back(DropBlob{victim.digest});
        else writes.push_back(DropPartial{victim.digest});
    }
    const auto written = parts_.index.write_now(std::move(writes));
    if (!written) return 0;  // reported by the index; the files stay, and so do their rows
    std::uint64_t freed = 0;
    for (const auto& victim : victims) {
        const auto path = victim.blob_bytes
                              ? parts_.layout.blob(victim.digest)
                              : parts_.layout.partial(victim.digest, victim.partial.generation);
        const auto removed = remove_file(path);
        if (!removed) {
            parts_.log.error("cannot evict a file", {{"cause", removed.error().message}});
        }
        if (victim.blob_bytes) {
            parts_.space->remove_blob(*victim.blob_bytes);
            freed += *victim.blob_bytes;
        } else {
            parts_.space->remove_partial(victim.partial.present);
            freed += victim.partial.present;
        }
    }
    return freed;
}

}  // namespace hubkeep
