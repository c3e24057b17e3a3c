#include "server/store/layout.hpp"

#include <fmt/format.h>

#include <charconv>

namespace hubkeep {
namespace {

constexpr std::string_view format_text = "hubkeep 1\n";
// More than that is not looked at by anybody.
constexpr std::size_t max_quarantined = 100;

std::string flat_name(const Digest& digest) {
    return fmt::format("{}-{}", name_of(digest.kind), digest.hex());
}

}  // namespace

fs::path Layout::blobs(DigestKind kind) const {
    return data_dir_ / "blobs" / name_of(kind);
}

fs::path Layout::blob(const Digest& digest) const {
    const auto hex = digest.hex();
    return blobs(digest.kind) / hex.substr(0, 2) / hex;
}

fs::path Layout::partial(const Digest& digest, std::uint64_t generation) const {
    return partials() / fmt::format("{}.{:016x}", flat_name(digest), generation);
}

std::optional<Digest> Layout::parse_blob(DigestKind kind, std::string_view folder,
                                         std::string_view name) {
    const auto digest = Digest::parse(name);
    if (!digest || digest->kind != kind || name.substr(0, 2) != folder) return std::nullopt;
    // Only the spelling that blob() gives.
    if (digest->hex() != name) return std::nullopt;
    return digest;
}

std::optional<Layout::PartialName> Layout::parse_partial(std::string_view name) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos || name.size() != dot + 17) return std::nullopt;
    const auto dash = name.rfind('-', dot);
    if (dash == std::string_view::npos) return std::nullopt;
    const auto digest = Digest::parse(name.substr(dash + 1, dot - dash - 1));
    if (!digest || flat_name(*digest) != name.substr(0, dot)) return std::nullopt;
    std::uint64_t generation = 0;
    const auto* const end = name.data() + name.size();
    const auto [stopped, error] = std::from_chars(name.data() + dot + 1, end, generation, 16);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return PartialName{*digest, generation};
}

Result<File> Layout::claim(Log& log) const {
    for (const auto& folder :
         {blobs(DigestKind::sha256), blobs(DigestKind::git_sha1), partials(), quarantine()}) {
        const auto made = make_folders(folder);
        if (!made) return std::unexpected(made.error());
    }
    const auto mode = permissions_of(data_dir_);
    if (mode && (*mode & 0077) != 0) {
        log.warn("others may enter the data folder; chmod 700 closes it",
                 {{"folder", data_dir_.string()}});
    }
    auto lock = File::open_write(data_dir_ / "lock");
    if (!lock) return lock;
    const auto locked = lock->try_lock();
    if (!locked) return std::unexpected(locked.error());
    if (!*locked) {
        return fail(ErrorKind::denied,
                    fmt::format("another hubkeep uses {}; stop it or choose another data folder",
                                data_dir_.string()));
    }
    const auto checked = check_format();
    if (!checked) return std::unexpected(checked.error());
    return lock;
}

Result<void> Layout::check_format() const {
    const auto path = data_dir_ / "FORMAT";
    const auto found = read_small_file(path, 256);
    if (!found && found.error().kind != ErrorKind::not_found) return std::unexpected(found.error());
    if (found && *found == format_text) return {};
    // An empty file is what a kill in the middle of the first start leaves.
    if (found && !found->empty()) {
        return fail(ErrorKind::invalid,
                    fmt::format("{} was written by another version of hubkeep; run that one, or "
                                "choose another data folder",
                                data_dir_.string()));
    }
    const auto file = File::open_write(path);
    if (!file) return std::unexpected(file.error());
    return file->write_at(0, format_text);
}

Result<void> Layout::set_aside(const Digest& digest) const {
    const auto path = blob(digest);
    const auto kept = list_folder(quarantine());
    if (!kept) return std::unexpected(kept.error());
    if (kept->size() >= max_quarantined && hubkeep::file_size(path)) return remove_file(path);
    for (std::size_t number = 1; number <= 2 * max_quarantined; ++number) {
        const auto to = quarantine() / fmt::format("{}-{}", flat_name(digest), number);
        const auto moved = rename_new(path, to);
        if (!moved && moved.error().kind == ErrorKind::not_found) return {};
        if (!moved) return std::unexpected(moved.error());
        if (*moved) return {};
    }
    return fail(ErrorKind::io, "the folder " + quarantine().string() + " is full; empty it");
}

}  // namespace hubkeep
