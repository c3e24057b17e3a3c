#pragma once
// Index: what is known about repos, revisions, entries, blobs and listings. A contract with one
// conformance suite (tests/unit/store/index_conformance.hpp); SqliteIndex is the embedded one.
// Reads are point reads of some 10 us, made in place through the reader of the calling io thread.
// Writes are values, queued and committed in batches by one thread in the order they were handed
// in. Times are seconds since 1970. The index can be lost: blobs are found again by a scan.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/digest.hpp"
#include "common/result.hpp"
#include "common/task.hpp"

namespace hubkeep {

// A repo as one group of clients may see it. `access` is "" for what everybody may see, otherwise
// the fingerprint of the credential that opened it; nothing is shared between two values of it but
// the blobs themselves.
struct Scope {
    std::string kind;  // "model", "dataset", "space", "kernel"
    std::string name;  // as asked for, or the canonical name
    std::string access;
    auto operator<=>(const Scope&) const = default;
};

struct RevisionRow {
    std::string commit;
    std::int64_t confirmed_at = 0;
};

// An entry of a commit. `absent` is a path that the commit is known not to have.
struct EntryRow {
    bool absent = false;
    std::optional<Digest> blob;
    std::uint64_t size = 0;
};

struct BlobRow {
    std::uint64_t size = 0;
    std::int64_t last_used = 0;
};

struct PartialRow {
    std::uint64_t size = 0;
    std::uint64_t present = 0;  // bytes in the extents
    std::string extents;        // see Extents::encode
    std::int64_t updated_at = 0;
    // Names the file that the extents speak of: a row that a power cut brings back is never
    // taken for a statement about a later file.
    std::uint64_t generation = 0;
};

// A document about a repo as it was answered, under a key that its user composes.
struct ListingRow {
    int status = 200;
    std::string content_type;
    std::string body;
    std::string link;        // target of the next page at the Hub, "/api/...?cursor=..", or ""
    std::string error_code;  // X-Error-Code of an answer that is not 200
    std::string error_message;
    std::string commit;
    std::int64_t fetched_at = 0;
};

struct PutAlias {
    Scope scope;
    std::string canonical;
};  // scope.name is the other name
struct PutRevision {
    Scope scope;
    std::string revision;
    RevisionRow row;
};
struct DropRevision {
    Scope scope;
    std::string revision;
};
struct PutEntry {
    Scope scope;
    std::string commit;
    std::string path;
    EntryRow row;
};
struct PutListing {
    Scope scope;
    std::string key;
    ListingRow row;
};
struct PutVisibility {
    std::string kind;
    std::string name;
    bool is_public = false;
    std::int64_t at = 0;
};
struct PutBlob {
    Digest digest;
    BlobRow row;
};  // also drops the partial of that digest
struct DropBlob {
    Digest digest;
};
struct TouchBlobs {
    std::vector<std::pair<Digest, std::int64_t>> used;
};
struct PutPartial {
    Digest digest;
    PartialRow row;
};
struct DropPartial {
    Digest digest;
};

using IndexWrite =
    std::variant<PutAlias, PutRevision, DropRevision, PutEntry, PutListing, PutVisibility, PutBlob,
                 DropBlob, TouchBlobs, PutPartial, DropPartial>;

struct Visibility {
    bool is_public = false;
    std::int64_t at = 0;
};

class IndexReader {
  public:
    virtual ~IndexReader() = default;
    virtual std::optional<std::string> alias(const Scope& scope) = 0;
    virtual std::optional<RevisionRow> revision(const Scope& scope, std::string_view revision) = 0;
    virtual std::optional<EntryRow> entry(const Scope& scope, std::string_view commit,
                                          std::string_view path) = 0;
    virtual std::optional<ListingRow> listing(const Scope& scope, std::string_view key) = 0;
    virtual std::optional<Visibility> visibility(std::string_view kind, std::string_view name) = 0;
    virtual std::optional<BlobRow> blob(const Digest& digest) = 0;
    virtual std::optional<PartialRow> partial(const Digest& digest) = 0;

    // Scans, for the store's own threads.
    struct StoredBlob {
        Digest digest;
        BlobRow row;
    };
    struct StoredPartial {
        Digest digest;
        PartialRow row;
    };
    struct Totals {
        std::uint64_t blobs = 0;
        std::uint64_t blob_bytes = 0;
        std::uint64_t partial_bytes = 0;
    };
    virtual Totals totals() = 0;
    // Pages, the next one beginning behind the last row of the one before. By digest, and least
    // recently used first.
    virtual std::vector<StoredBlob> blobs_after(const std::optional<Digest>& after,
                                                std::size_t limit) = 0;
    virtual std::vector<StoredBlob> oldest_blobs(const std::optional<StoredBlob>& after,
                                                 std::size_t limit) = 0;
    virtual std::vector<StoredPartial> partials_after(const std::optional<Digest>& after,
                                                      std::size_t limit) = 0;
    virtual std::vector<StoredPartial> oldest_partials(const std::optional<StoredPartial>& after,
                                                       std::size_t limit) = 0;
};

class Index {
  public:
    virtual ~Index() = default;
    // The reader of io thread `number`; to be used on that thread only. Other threads take their
    // own.
    virtual IndexReader& reader(std::size_t number) = 0;
    virtual Result<std::unique_ptr<IndexReader>> new_reader() = 0;
    // Returns when the writes are committed, and so visible to every reader.
    virtual Task<Result<void>> write(std::vector<IndexWrite> writes) = 0;
    // The same without waiting; a failure is logged. Any thread.
    virtual void post(std::vector<IndexWrite> writes) = 0;
    // The same, blocking; not on an io thread.
    virtual Result<void> write_now(std::vector<IndexWrite> writes) = 0;
    // Commits what is queued and ends the writing thread.
    virtual void stop() = 0;
};

}  // namespace hubkeep
