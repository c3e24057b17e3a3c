#include "server/store/scan.hpp"

#include "server/store/extents.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t page_rows = 512;
// Each may say in almost a megabyte what it has.
constexpr std::size_t page_partials = 16;

}  // namespace

void Scan::run(const std::stop_token& stop) {
    const auto began = SteadyClock::now();
    walk_partial_files(stop);
    walk_partial_rows(stop);
    walk_blob_files(DigestKind::sha256, stop);
    walk_blob_files(DigestKind::git_sha1, stop);
    walk_blob_rows(stop);
    if (strange_ > 0) {
        parts_.log.warn("files in the data folder that are not of the store are left alone",
                        {{"files", strange_}, {"example", strange_example_}});
    }
    if (stop.stop_requested()) return;
    const auto took = std::chrono::duration_cast<seconds>(SteadyClock::now() - began);
    parts_.log.info("looked through the store", {{"files", files_}, {"seconds", took.count()}});
}

std::vector<std::string> Scan::list(const fs::path& folder) const {
    auto names = list_folder(folder);
    if (names) return std::move(*names);
    if (names.error().kind != ErrorKind::not_found) {
        parts_.log.error("cannot look through the store", {{"cause", names.error().message}});
    }
    return {};
}

void Scan::found_strange(const fs::path& path) {
    if (strange_++ == 0) strange_example_ = path.string();
}

void Scan::walk_partial_files(const std::stop_token& stop) {
    for (const auto& name : list(parts_.layout.partials())) {
        if (stop.stop_requested()) return;
        const auto path = parts_.layout.partials() / name;
        const auto parsed = Layout::parse_partial(name);
        if (!parsed) {
            found_strange(path);
            continue;
        }
        const auto alone = parts_.uses->try_alone(parsed->digest);
        if (!alone) continue;  // a transfer that began meanwhile
        const auto row = reader_.partial(parsed->digest);
        if (row && row->generation == parsed->generation) continue;
        const auto removed = remove_file(path);
        if (!removed) {
            parts_.log.error("cannot remove a partial", {{"cause", removed.error().message}});
        }
        breathe_();
    }
}

void Scan::walk_partial_rows(const std::stop_token& stop) {
    std::optional<Digest> after;
    while (!stop.stop_requested()) {
        const auto rows = reader_.partials_after(after, page_partials);
        if (rows.empty()) return;
        after = rows.back().digest;
        for (const auto& [digest, row] : rows) {
            const auto size = hubkeep::file_size(parts_.layout.partial(digest, row.generation));
            const auto extents = Extents::decode(row.extents);
            if (!size || !extents || *size < extents->end()) drop_partial(digest);
        }
        breathe_();
    }
}

void Scan::drop_partial(const Digest& digest) {
    const auto alone = parts_.uses->try_alone(digest);
    if (!alone) return;  // its transfer has looked at the file itself
    const auto row = reader_.partial(digest);
    if (!row) return;
    const auto dropped = parts_.index.write_now({DropPartial{digest}});
    if (!dropped) return;
    parts_.space->remove_partial(row->present);
    const auto removed = remove_file(parts_.layout.partial(digest, row->generation));
    if (!removed) parts_.log.error("cannot remove a partial", {{"cause", removed.error().message}});
}

void Scan::walk_blob_files(DigestKind kind, const std::stop_token& stop) {
    for (const auto& folder : list(parts_.layout.blobs(kind))) {
        if (stop.stop_requested()) return;
        if (folder.size() == 2) walk_blob_folder(kind, folder, stop);
        else found_strange(parts_.layout.blobs(kind) / folder);
        breathe_();
    }
}

void Scan::walk_blob_folder(DigestKind kind, const std::string& folder,
                            const std::stop_token& stop) {
    std::vector<Digest> without_row;
    const auto path = parts_.layout.blobs(kind) / folder;
    for (const auto& name : list(path)) {
        const auto digest = Layout::parse_blob(kind, folder, name);
        if (!digest) found_strange(path / name);
        else if (!reader_.blob(*digest)) without_row.push_back(*digest);
        if (++files_ % page_rows != 0) continue;
        examiner_.examine(std::exchange(without_row, {}), stop);
        breathe_();
        if (stop.stop_requested()) return;
    }
    examiner_.examine(without_row, stop);
}

void Scan::walk_blob_rows(const std::stop_token& stop) {
    std::optional<Digest> after;
    while (!stop.stop_requested()) {
        const auto rows = reader_.blobs_after(after, page_rows);
        if (rows.empty()) return;
        after = rows.back().digest;
        std::vector<Digest> differing;
        for (const auto& [digest, row] : rows) {
            const auto size = hubkeep::file_size(parts_.layout.blob(digest));
            if (!size || *size != row.size) differing.push_back(digest);
        }
        examiner_.examine(differing, stop);
        breathe_();
    }
}

}  // namespace hubkeep
