#include "config/token.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <vector>

#include "common/private_file.hpp"
#include "config/text.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_token = 4096;
constexpr std::size_t max_name = 64;
constexpr std::size_t random_bytes = 20;
constexpr unsigned others = 077;            // group and everybody
constexpr unsigned others_but_group = 037;  // the group may read

}  // namespace

Result<Secret> to_token(std::string_view text, std::string_view where) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty()) return fail(ErrorKind::invalid, fmt::format("{} is empty", where));
    if (text.size() > max_token) {
        return fail(ErrorKind::invalid, fmt::format("{} is too long for a token", where));
    }
    for (const char c : text) {
        if (c <= ' ' || c >= 0x7F) {
            return fail(ErrorKind::invalid,
                        fmt::format("{} holds something else than one token: there is a space, a "
                                    "line break or a byte that tokens do not have",
                                    where));
        }
    }
    return Secret(text);
}

bool is_token_name(std::string_view name) {
    const auto is_allowed = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= max_name && std::ranges::all_of(name, is_allowed) &&
           !looks_like_token(name);
}

Result<std::string> read_private_file(const fs::path& path, std::size_t limit, Readers readers) {
    const auto mode = permissions_of(path);
    if (!mode) return std::unexpected(mode.error());
    if ((*mode & (readers == Readers::owner ? others : others_but_group)) != 0) {
        return fail(ErrorKind::denied,
                    fmt::format("{0} is open to other users (mode {1:04o}): chmod 600 {0}",
                                path.string(), *mode));
    }
    return read_small_file(path, limit);
}

Result<Secret> read_secret_file(const std::string& path, Readers readers) {
    if (looks_like_token(path)) {
        return fail(ErrorKind::invalid,
                    "this is a token, not the name of a file: write it into a "
                    "file of mode 0600 and name that, or set HF_TOKEN");
    }
    auto content = read_private_file(path, max_token + 2, readers);
    if (!content) return std::unexpected(content.error());
    const WipedText text(std::move(*content));
    return to_token(text.text, path);
}

namespace {

Result<void> make_secret_file(const fs::path& path) {
    std::array<unsigned char, random_bytes> bytes;
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        return fail(ErrorKind::io, "the system has no random numbers to give");
    }
    WipedText text;
    text.text.reserve(2 * random_bytes + 1);
    for (const unsigned byte : bytes) {
        fmt::format_to(std::back_inserter(text.text), "{:02x}", byte);
    }
    text.text += '\n';
    wipe_memory(bytes.data(), bytes.size());
    return write_private_file(path, text.text);
}

}  // namespace

Result<Secret> read_or_make_secret_file(const fs::path& path) {
    auto secret = read_secret_file(path);
    const bool is_absent = !secret && secret.error().kind == ErrorKind::not_found;
    if (!is_absent) return secret;
    const auto made = make_secret_file(path);
    if (!made) return std::unexpected(made.error());
    return read_secret_file(path);
}

namespace {

// The strings of a variable, which may stand there more than once.
std::vector<char*> entries_of(char** envp, std::string_view name) {
    std::vector<char*> entries;
    for (; *envp != nullptr; ++envp) {
        const std::string_view entry = *envp;
        if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) {
            entries.push_back(*envp);
        }
    }
    return entries;
}

// Out of libc's view and out of the array while the names are readable, then out of the memory.
void remove_entries(char** envp, const std::string& name, const std::vector<char*>& entries) {
    ::unsetenv(name.c_str());
    for (char* const entry : entries) {
        char** end = envp;
        while (*end != nullptr) ++end;
        std::fill(std::remove(envp, end, entry), end, nullptr);
        wipe_memory(entry, std::strlen(entry));
    }
}

}  // namespace

EnvironmentTokens take_tokens(char** envp) {
    EnvironmentTokens tokens;
    const std::string name = "HF_TOKEN";
    const std::string old_name = "HUGGING_FACE_HUB_TOKEN";
    const auto entries = entries_of(envp, name);
    const auto old_entries = entries_of(envp, old_name);
    if (!entries.empty()) tokens.hf_token = Secret(entries.front() + name.size() + 1);
    tokens.has_old_name = !old_entries.empty();
    remove_entries(envp, name, entries);
    remove_entries(envp, old_name, old_entries);
    return tokens;
}

Environment read_environ(char** envp) {
    Environment environment;
    for (; *envp != nullptr; ++envp) {
        const std::string_view entry = *envp;
        const auto equals = entry.find('=');
        if (equals == std::string_view::npos) continue;
        environment.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return environment;
}

}  // namespace hubkeep
