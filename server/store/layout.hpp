#pragma once
// Layout: which file in the data folder is which. Constant after construction; any thread.
//
//   FORMAT                         what wrote this folder, in words
//   lock                           held by the daemon that uses it
//   blobs/sha256/ab/<hex>          complete, verified files; never changed in place
//   blobs/git-sha1/ab/<hex>
//   partials/<kind>-<hex>.<gen>    what is there of a blob so far; gen is never used twice
//   wrong-bytes                    of which blobs wrong bytes came (WrongBytes)
//   quarantine/<kind>-<hex>-<n>    what lay where a blob belongs and was not it
//
// Folders are for their owner alone, and so are the files.

#include <optional>

#include "common/digest.hpp"
#include "common/file.hpp"
#include "common/log.hpp"

namespace hubkeep {

class Layout {
  public:
    explicit Layout(fs::path data_dir) : data_dir_(std::move(data_dir)) {}

    // Makes the folders, checks FORMAT and takes the lock, which lasts as long as the file.
    // denied: another daemon has it. invalid: another version wrote the folder.
    Result<File> claim(Log& log) const;

    const fs::path& data_dir() const { return data_dir_; }
    fs::path blobs(DigestKind kind) const;
    fs::path blob(const Digest& digest) const;
    fs::path partials() const { return data_dir_ / "partials"; }
    fs::path partial(const Digest& digest, std::uint64_t generation) const;
    fs::path quarantine() const { return data_dir_ / "quarantine"; }

    // The digest of blobs/<kind>/<folder>/<name>, if such a file belongs there.
    static std::optional<Digest> parse_blob(DigestKind kind, std::string_view folder,
                                            std::string_view name);
    struct PartialName {
        Digest digest;
        std::uint64_t generation = 0;
    };
    static std::optional<PartialName> parse_partial(std::string_view name);

    // Moves what lies at the place of a blob into quarantine. Nothing there is no error.
    Result<void> set_aside(const Digest& digest) const;

  private:
    Result<void> check_format() const;

    const fs::path data_dir_;
};

}  // namespace hubkeep
