#include "common/private_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace hubkeep {
namespace {

Result<void> give_to_owner_of(const fs::path& folder, const File& file) {
    if (::geteuid() != 0) return {};
    struct stat info{};
    if (::stat(folder.c_str(), &info) != 0 || ::fchown(file.fd(), info.st_uid, info.st_gid) != 0) {
        const int number = errno;
        return fail_errno("cannot give a file to the owner of " + folder.string(), number);
    }
    return {};
}

fs::path beside(const fs::path& path, const char* ending) {
    auto other = path;
    return other += ending;
}

}  // namespace

Result<void> write_private_file(const fs::path& path, std::string_view content) {
    const auto fresh = beside(path, ".new");
    const auto removed = remove_file(fresh);  // of a write that was cut off
    if (!removed) return removed;
    auto file = File::create_new(fresh);
    if (!file) return std::unexpected(file.error());
    auto done = give_to_owner_of(path.parent_path(), *file);
    if (done) done = file->write_at(0, content);
    if (done) done = file->sync_data();
    if (!done) {
        remove_file(fresh);
        return done;
    }
    std::error_code ec;
    fs::rename(fresh, path, ec);
    if (ec) return fail_errno("cannot replace " + path.string(), ec.value());
    return sync_folder(path.parent_path());
}

Result<File> lock_private_file(const fs::path& path) {
    auto lock = File::open_write(beside(path, ".lock"));
    if (!lock) return lock;
    const auto given = give_to_owner_of(path.parent_path(), *lock);
    if (!given) return std::unexpected(given.error());
    const auto locked = lock->try_lock();
    if (!locked) return std::unexpected(locked.error());
    if (!*locked) {
        return fail(ErrorKind::limited,
                    path.string() + " is being changed by another command; try again");
    }
    return lock;
}

}  // namespace hubkeep
