#include "server/store/ballast.hpp"

namespace hubkeep {
namespace {

constexpr std::uint64_t ballast_bytes = 8 * 1024 * 1024;

fs::path place_in(const fs::path& data_dir) {
    return data_dir / "ballast";
}

}  // namespace

void keep_ballast(const fs::path& data_dir) {
    const auto file = File::open_write(place_in(data_dir));
    const auto laid = file ? file->allocate(0, ballast_bytes) : std::unexpected(file.error());
    if (!laid) (void)remove_file(place_in(data_dir));
}

bool give_up_ballast(const fs::path& data_dir) {
    const auto size = hubkeep::file_size(place_in(data_dir));
    const auto removed = remove_file(place_in(data_dir));
    return size && *size > 0 && removed;
}

}  // namespace hubkeep
