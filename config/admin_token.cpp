#include "config/admin_token.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>

#include "config/token.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t random_bytes = 20;

Result<void> make_file(const fs::path& path) {
    std::array<unsigned char, random_bytes> bytes;
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        return fail(ErrorKind::io, "the system has no random numbers to give");
    }
    std::string text;
    text.reserve(2 * random_bytes + 1);
    for (const unsigned byte : bytes) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
    text += '\n';
    auto written = write_private_file(path, text);
    wipe(text);
    wipe_memory(bytes.data(), bytes.size());
    return written;
}

}  // namespace

fs::path admin_token_file(const Settings& settings) {
    if (!settings.admin.token_file.empty()) return settings.admin.token_file;
    return fs::path(settings.data_dir) / "admin-token";
}

Result<Secret> read_admin_token(const Settings& settings) {
    return read_secret_file(admin_token_file(settings));
}

Result<Secret> read_or_make_admin_token(const Settings& settings) {
    auto token = read_admin_token(settings);
    const bool is_absent = !token && token.error().kind == ErrorKind::not_found;
    if (!is_absent || !settings.admin.token_file.empty()) return token;
    const auto made = make_file(admin_token_file(settings));
    if (!made) return std::unexpected(made.error());
    return read_admin_token(settings);
}

}  // namespace hubkeep
