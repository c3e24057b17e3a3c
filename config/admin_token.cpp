#include "config/admin_token.hpp"

#include "config/token.hpp"

namespace hubkeep {

fs::path admin_token_file(const Settings& settings) {
    if (!settings.admin.token_file.empty()) return settings.admin.token_file;
    return fs::path(settings.data_dir) / "admin-token";
}

Result<Secret> read_admin_token(const Settings& settings) {
    return read_secret_file(admin_token_file(settings));
}

Result<Secret> read_or_make_admin_token(const Settings& settings) {
    if (!settings.admin.token_file.empty()) return read_admin_token(settings);
    return read_or_make_secret_file(admin_token_file(settings));
}

}  // namespace hubkeep
