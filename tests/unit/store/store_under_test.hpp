#pragma once
// A BlobStore as tests see it, whatever it is made of, and the steps of a transfer into it.

#include "server/store/blob_store.hpp"
#include "tests/unit/store/support.hpp"

namespace hubkeep::test {

// A store with its index, a clock that the test sets, and a limit. It can be stopped and opened
// again.
class StoreUnderTest {
  public:
    virtual ~StoreUnderTest() = default;
    virtual BlobStore& store() = 0;
    virtual Index& index() = 0;
    virtual void reopen() = 0;
    std::int64_t now = 1000;
};

// The steps of a transfer, for tests that want a blob and nothing else.
inline Result<Partial> begin_partial(BlobStore& store, const std::string& content,
                                     DigestKind kind = DigestKind::sha256) {
    return run(store.open_partial(digest_of(kind, content), content.size()));
}

inline Result<void> put_blob(BlobStore& store, const std::string& content,
                             DigestKind kind = DigestKind::sha256) {
    auto partial = begin_partial(store, content, kind);
    if (!partial) return std::unexpected(partial.error());
    auto room = run(store.reserve(content.size(), &*partial));
    if (!room) return std::unexpected(room.error());
    const auto written = partial->file.write_at(0, content);
    if (!written) return written;
    (*room)->use(content.size());
    return run(store.publish(*partial));
}

}  // namespace hubkeep::test
