#pragma once
// How values of the index look in SQLite, shared by its reader and its writer. A digest is one byte
// for its kind and then its bytes, so that a table is in the order of Digest. Sizes are stored as
// the signed number of the same bits.

#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "common/digest.hpp"

namespace hubkeep {

inline std::string digest_key(const Digest& digest) {
    std::string key(1 + digest.size(), static_cast<char>(digest.kind));
    std::memcpy(key.data() + 1, digest.bytes.data(), digest.size());
    return key;
}

inline std::optional<Digest> parse_digest_key(std::string_view key) {
    if (key.empty() || key.front() < 0 || key.front() > 1) return std::nullopt;
    Digest digest;
    digest.kind = static_cast<DigestKind>(key.front());
    if (key.size() != 1 + digest.size()) return std::nullopt;
    std::memcpy(digest.bytes.data(), key.data() + 1, digest.size());
    return digest;
}

}  // namespace hubkeep
