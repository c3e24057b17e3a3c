#pragma once
// Scan: one walk over the data folder and the index, at every start, on the keeper's thread while
// the store is in use. It finds what a kill, a power cut or a hand left: files without rows, rows
// without files, partials that no row speaks of. It changes nothing by itself that could be in use:
// blobs are left to the Examiner, and a partial is removed only by who has its digest alone, which
// no transfer then has. What is made or removed while it walks is either seen as it is by then,
// or skipped because it is in use.

#include <functional>
#include <stop_token>

#include "server/store/examiner.hpp"

namespace hubkeep {

class Scan {
  public:
    // `breathe` is called often, between two steps.
    Scan(DiskParts& parts, Examiner& examiner, std::function<void()> breathe)
        : parts_(parts),
          examiner_(examiner),
          reader_(*examiner.reader_),
          breathe_(std::move(breathe)) {}

    void run(const std::stop_token& stop);

  private:
    void walk_partial_files(const std::stop_token& stop);
    void walk_partial_rows(const std::stop_token& stop);
    void walk_blob_files(DigestKind kind, const std::stop_token& stop);
    void walk_blob_folder(DigestKind kind, const std::string& folder, const std::stop_token& stop);
    void walk_blob_rows(const std::stop_token& stop);
    void drop_partial(const Digest& digest);
    std::vector<std::string> list(const fs::path& folder) const;
    void found_strange(const fs::path& path);

    DiskParts& parts_;
    Examiner& examiner_;
    IndexReader& reader_;
    const std::function<void()> breathe_;
    std::uint64_t files_ = 0;
    std::uint64_t strange_ = 0;
    std::string strange_example_;
};

}  // namespace hubkeep
