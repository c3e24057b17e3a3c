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

#include "common/changes.hpp"
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

// `absent` is a path under which the commit is known to have no file. The numbers are stored.
enum class EntryKind : std::uint8_t { file = 0, absent = 1, folder = 2 };

// An entry of a commit. As a commit never changes, later statements only add to it: what is there
// is never declared absent, and a fact once told is not lost when it is left out.
struct EntryRow {
    EntryKind kind = EntryKind::file;
    std::optional<Digest> blob;  // of a file
    std::uint64_t size = 0;
    // git's name for the tree of a folder or the pointer of an LFS file, when a listing told it;
    // any other file's is its blob.
    std::optional<Digest> oid;
    std::uint64_t pointer_size = 0;  // of an LFS file, when a listing told it
    std::string xet_hash;            // 64 hex digits, "" when it has none or none was told
    bool xet_told = false;           // by something that would have told it
    // The file's own answer told it. The listing of a gated repo is public, its files are not.
    bool opened = false;

    bool absent() const { return kind == EntryKind::absent; }
};

struct PathEntry {
    std::string path;
    EntryRow row;
};

// Whether the files of a repo may be read in a scope.
struct RepoRow {
    std::optional<bool> gated;  // or disabled, as its description says
    bool opened = false;        // some file was, since it was last seen to become gated
};

// What a repo is at the Hub: open to all; gated, so described to all, its files closed; or closed:
// private, or not there. The numbers are stored.
enum class Visibility : std::uint8_t { closed = 0, open = 1, gated = 2 };

struct VisibilityRow {
    Visibility visibility = Visibility::closed;
    std::string canonical;  // the name that the Hub has for it, "" when it did not tell
    std::int64_t at = 0;
};

struct PinRow {
    std::string commit;
    std::int64_t at = 0;
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
    std::string headers;  // further fields of the answer, lines of "Name: value\n"
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
struct PutEntries {
    Scope scope;
    std::string commit;
    std::vector<PathEntry> entries;
    std::int64_t at = 0;  // the oldest commits leave first
};
// One page of the listing of a folder, whose entries were put before or are put with it. Pages have
// names of the caller's choice; a page without a next one has "" there.
struct PutTreePage {
    Scope scope;
    std::string commit;
    std::string folder;
    bool deep = false;  // with everything below it
    bool first = false;
    std::string page;
    std::string next;
    std::int64_t at = 0;
};
struct PutGated {
    Scope scope;
    bool gated = false;
};
struct PutListing {
    Scope scope;
    std::string key;
    ListingRow row;
};
struct PutVisibility {
    std::string kind;
    std::string name;
    VisibilityRow row;
};
// A client's token could read a file of the repo. `who` is the fingerprint of the token. Proofs
// from before `forget_before` are dropped.
struct PutProof {
    std::string kind;
    std::string name;
    std::string who;
    std::int64_t at = 0;
    std::int64_t forget_before = 0;
};
struct DropProof {
    std::string kind;
    std::string name;
    std::string who;
};
struct PutPin {
    std::string kind;
    std::string name;
    std::string revision;
    PinRow row;
};
struct DropPin {
    std::string kind;
    std::string name;
    std::string revision;
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

using IndexWrite = std::variant<PutAlias, PutRevision, DropRevision, PutEntries, PutTreePage,
                                PutGated, PutListing, PutVisibility, PutProof, DropProof, PutPin,
                                DropPin, PutBlob, DropBlob, TouchBlobs, PutPartial, DropPartial>;

class IndexReader {
  public:
    virtual ~IndexReader() = default;
    virtual std::optional<std::string> alias(const Scope& scope) = 0;
    virtual std::optional<RevisionRow> revision(const Scope& scope, std::string_view revision) = 0;
    // The names of those that point at the commit.
    virtual std::vector<std::string> revisions_at(const Scope& scope, std::string_view commit) = 0;
    virtual std::optional<EntryRow> entry(const Scope& scope, std::string_view commit,
                                          std::string_view path) = 0;
    // Entries of a folder ("" is the root), or with `deep` of all below it, in the order of their
    // paths as bytes, behind the path `after` ("" for all); without what is absent.
    virtual std::vector<PathEntry> entries(const Scope& scope, std::string_view commit,
                                           std::string_view folder, bool deep,
                                           std::string_view after, std::size_t limit) = 0;
    // Those whose Xet hash begins with these 8 to 64 lower-case hex digits, in the order of their
    // paths as bytes; none for any other text.
    virtual std::vector<PathEntry> entries_by_xet(const Scope& scope, std::string_view commit,
                                                  std::string_view xet_prefix,
                                                  std::size_t limit) = 0;
    // The commits that have such an entry, in no order that means anything.
    virtual std::vector<std::string> commits_by_xet(const Scope& scope, std::string_view xet_prefix,
                                                    std::size_t limit) = 0;
    // True when an unbroken chain of pages from a first to a last one was put for exactly this
    // folder: then what has no row is not there.
    virtual bool is_complete(const Scope& scope, std::string_view commit, std::string_view folder,
                             bool deep) = 0;
    virtual RepoRow repo(const Scope& scope) = 0;
    virtual std::optional<ListingRow> listing(const Scope& scope, std::string_view key) = 0;
    virtual std::optional<VisibilityRow> visibility(std::string_view kind,
                                                    std::string_view name) = 0;
    // When it was proven, if ever.
    virtual std::optional<std::int64_t> proof(std::string_view kind, std::string_view name,
                                              std::string_view who) = 0;
    virtual std::optional<PinRow> pin(std::string_view kind, std::string_view name,
                                      std::string_view revision) = 0;
    virtual std::optional<BlobRow> blob(const Digest& digest) = 0;
    virtual std::optional<PartialRow> partial(const Digest& digest) = 0;

    struct StoredPin {
        std::string kind;
        std::string name;
        std::string revision;
        PinRow row;
    };
    static constexpr std::size_t max_pins = 10'000;
    // All of them by kind, name and revision, at most `max_pins`.
    virtual std::vector<StoredPin> pins() = 0;

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
    // Taken before a reader is asked for entries, trees and the repo of a scope, it holds as long
    // as nothing of that was written. Any thread; it must not outlive the index.
    virtual Changes::Mark mark(const Scope& scope) const = 0;
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
