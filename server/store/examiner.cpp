#include "server/store/examiner.hpp"

#include <algorithm>

namespace hubkeep {
namespace {

constexpr std::size_t batch_verdicts = 256;
constexpr std::size_t hash_block_bytes = 1024 * 1024;

// The size of what can be served from there. corrupt: something is there that is no readable file.
Result<std::uint64_t> look_at(const fs::path& path) {
    const auto size = hubkeep::file_size(path);
    if (!size) return size;
    const auto file = File::open_read(path);
    if (!file && file.error().kind == ErrorKind::denied) {
        return fail(ErrorKind::corrupt, file.error().message);
    }
    if (!file) return std::unexpected(file.error());
    return size;
}

// An empty file without a row is what a file system leaves that lost the content.
bool differ(const std::optional<BlobRow>& row, std::uint64_t size) {
    return row ? row->size != size : size == 0;
}

}  // namespace

void Examiner::examine(const std::vector<Digest>& digests, const std::stop_token& stop) {
    std::vector<Verdict> verdicts;
    for (const auto& digest : digests) {
        std::optional<std::uint64_t> proven;
        if (is_doubtful(digest)) {
            // Reading a large file takes long: nobody is kept waiting for a digest meanwhile.
            carry_out(std::exchange(verdicts, {}));
            proven = proven_size(digest, stop);
        }
        if (stop.stop_requested()) break;
        auto verdict = judge(digest, proven);
        if (verdict) verdicts.push_back(std::move(*verdict));
        if (verdicts.size() >= batch_verdicts) carry_out(std::exchange(verdicts, {}));
    }
    carry_out(std::move(verdicts));
}

bool Examiner::is_doubtful(const Digest& digest) {
    const auto size = look_at(parts_.layout.blob(digest));
    return size && differ(reader_->blob(digest), *size);
}

std::optional<std::uint64_t> Examiner::proven_size(const Digest& digest,
                                                   const std::stop_token& stop) {
    const auto file = File::open_read(parts_.layout.blob(digest));
    if (!file) return std::nullopt;
    const auto size = file->size();
    if (!size) return std::nullopt;
    Hasher hasher(digest.kind, *size);
    std::vector<char> block(hash_block_bytes);
    for (std::uint64_t at = 0; at < *size;) {
        const auto want = std::min<std::uint64_t>(block.size(), *size - at);
        const auto got = file->read_at(at, std::span(block).first(want));
        if (stop.stop_requested() || !got || *got != want) return std::nullopt;
        hasher.update(block.data(), want);
        at += want;
    }
    if (hasher.finish() != digest) return std::nullopt;
    return *size;
}

std::optional<Examiner::Verdict> Examiner::judge(const Digest& digest,
                                                 std::optional<std::uint64_t> proven) {
    auto alone = parts_.uses->try_alone(digest);
    if (!alone) return std::nullopt;  // whoever uses it has a good file, or is making one
    const auto path = parts_.layout.blob(digest);
    const auto row = reader_->blob(digest);
    const auto size = look_at(path);
    std::optional<BlobRow> after;
    if (size && (!differ(row, *size) || proven == *size)) {
        after = BlobRow{*size, row ? row->last_used : parts_.now()};
    } else if (size || size.error().kind == ErrorKind::corrupt) {
        const auto moved = parts_.layout.set_aside(digest);
        parts_.log.error("something else lay where a file belongs; it was moved to quarantine",
                         {{"path", path.string()},
                          {"cause", size ? "wrong size" : size.error().message},
                          {"moved", moved ? "yes" : moved.error().message}});
        if (!moved) return std::nullopt;
    } else if (size.error().kind != ErrorKind::not_found) {
        parts_.log.error("cannot examine a file", {{"cause", size.error().message}});
        return std::nullopt;
    }
    const bool agree = row ? after && row->size == after->size : !after;
    if (agree) return std::nullopt;
    const auto partial = after ? reader_->partial(digest) : std::nullopt;
    return Verdict{std::move(*alone), digest, row, after, partial};
}

void Examiner::carry_out(std::vector<Verdict> verdicts) {
    if (verdicts.empty()) return;
    std::vector<IndexWrite> writes;
    for (const auto& verdict : verdicts) {
        if (verdict.after) writes.push_back(PutBlob{verdict.digest, *verdict.after});
        else writes.push_back(DropBlob{verdict.digest});
    }
    const auto written = parts_.index.write_now(std::move(writes));
    if (!written) return;  // reported by the index; the next look finds the same
    for (const auto& verdict : verdicts) {
        if (verdict.before) parts_.space->remove_blob(verdict.before->size);
        if (verdict.after) parts_.space->add_blob(verdict.after->size);
        if (verdict.partial) drop_file_of(verdict.digest, *verdict.partial);
        ++(verdict.after ? found_ : lost_);
    }
}

// Its row went when that of the blob came.
void Examiner::drop_file_of(const Digest& digest, const PartialRow& partial) {
    parts_.space->remove_partial(partial.present);
    const auto removed = remove_file(parts_.layout.partial(digest, partial.generation));
    if (!removed) parts_.log.error("cannot remove a partial", {{"cause", removed.error().message}});
}

void Examiner::report() {
    if (found_ + lost_ == 0) return;
    parts_.log.warn("the index was corrected by what is on disk",
                    {{"found", std::exchange(found_, 0)}, {"lost", std::exchange(lost_, 0)}});
}

}  // namespace hubkeep
