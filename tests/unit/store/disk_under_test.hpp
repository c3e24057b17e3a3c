#pragma once
// A DiskBlobStore over a SqliteIndex in a folder of the test, as the daemon builds them.

#include "server/store/disk_blob_store.hpp"
#include "server/store/sqlite_index.hpp"
#include "tests/unit/store/store_under_test.hpp"

namespace hubkeep::test {

class DiskUnderTest : public StoreUnderTest {
  public:
    explicit DiskUnderTest(std::uint64_t limit, fs::path data_dir = {})
        : limit_(limit), data_dir_(data_dir.empty() ? folder_.path() / "data" : data_dir) {
        open();
    }
    ~DiskUnderTest() override { close(); }

    DiskBlobStore& store() override { return *store_; }
    Index& index() override { return *index_; }
    IndexReader& reader() { return index_->reader(0); }
    const Layout& layout() const { return layout_; }
    void reopen() override {
        close();
        open();
    }
    void close() {
        if (store_) store_->stop();
        if (index_) index_->stop();
        store_.reset();
        index_.reset();
    }
    void open() {
        open_without_waiting();
        if (store_) store_->wait_until_examined();
    }
    void open_without_waiting() {
        ASSERT_TRUE(make_folders(data_dir_));
        auto index = SqliteIndex::open(index_path(), 2, quiet());
        ASSERT_TRUE(index) << index.error().message;
        index_ = std::move(*index);
        auto store = DiskBlobStore::open(options(), *index_, quiet());
        ASSERT_TRUE(store) << store.error().message;
        store_ = std::move(*store);
    }
    fs::path index_path() const { return data_dir_ / "index.sqlite"; }
    DiskBlobStore::Options options() {
        return {.data_dir = data_dir_, .max_bytes = limit_, .clock = [this] { return now; }};
    }
    std::optional<Blob> open_blob(const std::string& content) {
        return store_->open(digest_of(DigestKind::sha256, content), reader());
    }
    fs::path place_of(const std::string& content) const {
        return layout_.blob(digest_of(DigestKind::sha256, content));
    }
    std::size_t files_in(const fs::path& folder) const {
        std::size_t count = 0;
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            count += !entry.is_directory();
        }
        return count;
    }

  private:
    TempFolder folder_;
    const std::uint64_t limit_;
    const fs::path data_dir_;
    const Layout layout_{data_dir_};
    std::unique_ptr<SqliteIndex> index_;
    std::unique_ptr<DiskBlobStore> store_;
};

}  // namespace hubkeep::test
