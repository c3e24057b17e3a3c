#pragma once
// FileMetadata: what the Hub's headers say about one file of one commit, and the headers with which
// hubkeep says the same to its clients. Values and pure functions, safe on any thread.
//
// The Hub spreads it over hops: a small file answers 307 to resolve-cache and the 200 behind it has
// everything; an LFS file answers 302 to the CDN with X-Linked-ETag and X-Linked-Size, and the
// CDN's own ETag is another hash (Xet's). So metadata is read from the last answer of the Hub
// itself, never from the CDN's, and an answer without X-Repo-Commit is not the Hub's.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/digest.hpp"
#include "common/result.hpp"

namespace hubkeep {

struct FileMetadata {
    std::string commit;  // 40 lower-case hex digits
    Digest blob;         // SHA-256 of an LFS file, git's blob id of any other
    std::uint64_t size = 0;
    std::string xet_hash = {};  // see is_xet_hash(), "" when it has none or none was told
};

// The value of a header by its name without case, "" when it is absent.
using HeaderLookup = std::function<std::string_view(std::string_view name)>;
using HeaderFields = std::vector<std::pair<std::string, std::string>>;

// From a 200, 206 or redirect on resolve or resolve-cache. Errors are `protocol`: something is
// missing, is no hash or no size, or two sizes differ (both are named). Other statuses are for
// from_hub() in errors.hpp.
Result<FileMetadata> read_metadata(int status, const HeaderLookup& get);

// The tag inside the quotes of a strong ETag; nothing for a weak one or another form.
std::optional<std::string> strong_etag(std::string_view header);
std::string quoted_etag(const Digest& digest);

// What git holds in place of an LFS file, and /raw/ answers for it.
struct LfsPointer {
    Digest oid;
    std::uint64_t size = 0;
};
std::string lfs_pointer(const Digest& sha256, std::uint64_t size);
std::optional<LfsPointer> parse_lfs_pointer(std::string_view text);
inline bool looks_like_lfs_pointer(std::string_view text) {
    return parse_lfs_pointer(text).has_value();
}

// Every header of an answer to resolve but Content-Length, Content-Range and what belongs to the
// server (Date, CORS, X-Request-Id). `pinned`: the client asked by commit, so the answer never
// changes. `shared_cacheable`: everybody may read the repo. `attachment`: ?download=true.
HeaderFields file_headers(const FileMetadata& metadata, std::string_view path, bool pinned,
                          bool shared_cacheable, bool attachment = false);

// huggingface_hub up to 0.20 keeps its token from every URL but the one that it asked HEAD for,
// even when the Location of the answer names the same host.
bool forgets_token_elsewhere(std::string_view user_agent);

}  // namespace hubkeep
