#pragma once
// Examiner: brings rows and files of blobs back in line where they differ. It judges one digest
// while it has it alone, so neither a transfer nor an eviction is in between, and by what is there
// at that moment. A file without a row was verified before it got its name and gets a row; a row
// without a file goes. When a row and its file tell two sizes, the content decides which of them is
// wrong. What is no blob is moved to quarantine, never deleted. Belongs to the keeper's thread.

#include <stop_token>
#include <vector>

#include "server/store/disk_parts.hpp"

namespace hubkeep {

class Examiner {
  public:
    Examiner(DiskParts& parts, std::unique_ptr<IndexReader> reader)
        : parts_(parts), reader_(std::move(reader)) {}

    // Returns early, with the rest undone, when a stop is asked for.
    void examine(const std::vector<Digest>& digests, const std::stop_token& stop);
    // Logs what was corrected since the last time, in one line.
    void report();

  private:
    friend class Scan;
    struct Verdict {
        UseTable::Alone alone;
        Digest digest;
        std::optional<BlobRow> before;
        std::optional<BlobRow> after;
        std::optional<PartialRow> partial;  // which the blob makes needless
    };
    bool is_doubtful(const Digest& digest);
    // The size of the file when its content is that of the digest. Reads all of it.
    std::optional<std::uint64_t> proven_size(const Digest& digest, const std::stop_token& stop);
    std::optional<Verdict> judge(const Digest& digest, std::optional<std::uint64_t> proven);
    void carry_out(std::vector<Verdict> verdicts);
    void drop_file_of(const Digest& digest, const PartialRow& partial);

    DiskParts& parts_;
    const std::unique_ptr<IndexReader> reader_;
    std::uint64_t found_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace hubkeep
