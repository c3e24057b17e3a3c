#include "common/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace hubkeep {
namespace {

std::unexpected<Error> fail_on(std::string_view verb, const fs::path& path) {
    const int number = errno;
    return fail_errno("cannot " + std::string(verb) + " " + path.string(), number);
}

}  // namespace

File::~File() {
    close();
}

File::File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

File& File::operator=(File&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

void File::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<File> File::open(const fs::path& path, int flags) {
    // O_NONBLOCK keeps a planted pipe from hanging the caller; it means nothing for files.
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) return fail_on("open", path);
    File file(fd);
    struct stat info{};
    if (::fstat(fd, &info) != 0) return fail_on("inspect", path);
    if (!S_ISREG(info.st_mode)) {
        return fail(ErrorKind::corrupt, path.string() + " is not a regular file; remove it");
    }
    return file;
}

Result<File> File::open_read(const fs::path& path) {
    return open(path, O_RDONLY);
}
Result<File> File::open_write(const fs::path& path) {
    return open(path, O_RDWR | O_CREAT);
}
Result<File> File::create_new(const fs::path& path) {
    return open(path, O_RDWR | O_CREAT | O_EXCL);
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<char> buffer) const {
    std::size_t done = 0;
    while (done < buffer.size()) {
        const auto n = ::pread(fd_, buffer.data() + done, buffer.size() - done,
                               static_cast<off_t>(offset + done));
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("cannot read from the store", errno);
        done += static_cast<std::size_t>(n);
    }
    return done;
}

Result<void> File::write_at(std::uint64_t offset, std::span<const char> data) const {
    std::size_t done = 0;
    while (done < data.size()) {
        const auto n = ::pwrite(fd_, data.data() + done, data.size() - done,
                                static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("cannot write to the store", errno);
        if (n == 0) return fail_errno("cannot write to the store", ENOSPC);
        done += static_cast<std::size_t>(n);
    }
    return {};
}

Result<void> File::allocate(std::uint64_t offset, std::uint64_t length) const {
    if (length == 0) return {};
    // Not posix_fallocate: where the file system lacks it, that writes zeros over the whole range.
    while (::fallocate(fd_, 0, static_cast<off_t>(offset), static_cast<off_t>(length)) != 0) {
        if (errno == EINTR) continue;
        if (errno == EOPNOTSUPP || errno == ENOSYS) return {};
        return fail_errno("cannot reserve space in the store", errno);
    }
    return {};
}

Result<void> File::sync_data() const {
    if (::fdatasync(fd_) != 0) return fail_errno("cannot sync a file of the store", errno);
    return {};
}

Result<std::uint64_t> File::size() const {
    struct stat info{};
    if (::fstat(fd_, &info) != 0) return fail_errno("cannot inspect a file of the store", errno);
    return static_cast<std::uint64_t>(info.st_size);
}

Result<bool> File::try_lock() const {
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    return fail_errno("cannot lock the data folder", errno);
}

Result<bool> rename_new(const fs::path& from, const fs::path& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno == EEXIST) return false;
    if (errno != EINVAL && errno != ENOSYS) return fail_on("rename", from);
    // A file system without RENAME_NOREPLACE: link() refuses to replace as well.
    if (::link(from.c_str(), to.c_str()) != 0) {
        if (errno == EEXIST) return false;
        return fail_on("rename", from);
    }
    ::unlink(from.c_str());
    return true;
}

Result<void> remove_file(const fs::path& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_on("remove", path);
    return {};
}

Result<void> make_folders(const fs::path& path) {
    fs::path built;
    for (const auto& part : path) {
        built /= part;
        std::error_code ignored;
        if (fs::exists(built, ignored)) continue;
        if (::mkdir(built.c_str(), 0700) != 0 && errno != EEXIST) {
            return fail_on("make the folder", built);
        }
    }
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return fail_on("inspect", path);
    if (!S_ISDIR(info.st_mode)) {
        return fail(ErrorKind::invalid, path.string() + " is not a folder");
    }
    return {};
}

Result<void> sync_folder(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail_on("open", path);
    const int status = ::fsync(fd);
    const int number = errno;
    ::close(fd);
    if (status != 0) return fail_errno("cannot sync " + path.string(), number);
    return {};
}

Result<std::vector<std::string>> list_folder(const fs::path& path) {
    DIR* const folder = ::opendir(path.c_str());
    if (folder == nullptr) return fail_on("list", path);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(folder)) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(folder);
    return names;
}

Result<std::uint64_t> file_size(const fs::path& path) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) return fail_on("inspect", path);
    if (!S_ISREG(info.st_mode)) {
        return fail(ErrorKind::corrupt, path.string() + " is not a regular file; remove it");
    }
    return static_cast<std::uint64_t>(info.st_size);
}

Result<std::string> read_small_file(const fs::path& path, std::size_t limit) {
    // Links are followed here: secrets and certificates are usually mounted as links.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_on("open", path);
    std::string content(limit + 1, '\0');
    std::size_t done = 0;
    while (done < content.size()) {
        const auto n = ::read(fd, content.data() + done, content.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            const int number = errno;
            ::close(fd);
            return fail_errno("cannot read " + path.string(), number);
        }
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    ::close(fd);
    if (done > limit) return fail(ErrorKind::invalid, path.string() + " is larger than expected");
    content.resize(done);
    return content;
}

Result<DiskSpace> disk_space(const fs::path& path) {
    struct statvfs info{};
    if (::statvfs(path.c_str(), &info) != 0) return fail_on("inspect the disk of", path);
    return DiskSpace{info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize};
}

Result<unsigned> permissions_of(const fs::path& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return fail_on("inspect", path);
    return static_cast<unsigned>(info.st_mode & 07777);
}

}  // namespace hubkeep
