#pragma once
// Files and folders. This is the only caller of POSIX file functions, so that faults have one place
// to come from. Calls block: on an io thread only point reads and opens are allowed, the rest goes
// through offload(). A File belongs to one owner; reads and writes at offsets may come from any
// thread. Symbolic links are never followed at the last step of a path.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/result.hpp"

namespace hubkeep {

namespace fs = std::filesystem;

class File {
  public:
    File() = default;
    ~File();
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;

    // Regular files only: a link, folder, pipe or device is refused.
    static Result<File> open_read(const fs::path& path);
    // Opens for reading and writing, made with mode 0600 when absent.
    static Result<File> open_write(const fs::path& path);
    static Result<File> create_new(const fs::path& path);

    bool is_open() const { return fd_ >= 0; }
    int fd() const { return fd_; }

    // Bytes read, less than asked only at the end of the file.
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) const;
    Result<void> write_at(std::uint64_t offset, std::span<const char> data) const;
    // Makes sure that writing there cannot run out of space; a file system that cannot promise
    // this is taken at its word later.
    Result<void> allocate(std::uint64_t offset, std::uint64_t length) const;
    // A failed sync means that the content is lost: throw the file away, never try again.
    Result<void> sync_data() const;
    Result<std::uint64_t> size() const;
    // Takes the advisory lock on the file without waiting; false when another process holds it.
    Result<bool> try_lock() const;
    void close();

  private:
    explicit File(int fd) : fd_(fd) {}
    static Result<File> open(const fs::path& path, int flags);
    int fd_ = -1;
};

// Fails with not_found or io; EEXIST is reported as `false`.
Result<bool> rename_new(const fs::path& from, const fs::path& to);
Result<void> remove_file(const fs::path& path);   // an absent file is no error
Result<void> make_folders(const fs::path& path);  // mode 0700
Result<void> sync_folder(const fs::path& path);
Result<std::vector<std::string>> list_folder(const fs::path& path);
// The size of a regular file, without opening it.
Result<std::uint64_t> file_size(const fs::path& path);
Result<std::string> read_small_file(const fs::path& path, std::size_t limit);

struct DiskSpace {
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;  // for this user
};
Result<DiskSpace> disk_space(const fs::path& path);

// Permission bits and owner of a file, to refuse secrets that others can read.
Result<unsigned> permissions_of(const fs::path& path);

}  // namespace hubkeep
