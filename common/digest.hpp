#pragma once
// The name of a blob: SHA-256 of the content (LFS and Xet files) or git's blob id, which is SHA-1
// over "blob <size>\0" and the content (every other file). Values; safe on any thread.

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hubkeep {

enum class DigestKind : std::uint8_t { sha256 = 0, git_sha1 = 1 };

// "sha256" or "git-sha1", as in the folders of the store.
std::string_view name_of(DigestKind kind);

struct Digest {
    DigestKind kind = DigestKind::sha256;
    std::array<std::uint8_t, 32> bytes{};  // git_sha1 uses the first 20, the rest is zero

    std::size_t size() const { return kind == DigestKind::sha256 ? 32 : 20; }
    std::string hex() const;
    // 64 or 40 hex digits of either case; anything else is no digest.
    static std::optional<Digest> parse(std::string_view hex);
    auto operator<=>(const Digest&) const = default;
};

struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept;
};

// Hashes while bytes pass. `size` is the length of the whole content, which git puts in front.
class Hasher {
  public:
    Hasher(DigestKind kind, std::uint64_t size);
    ~Hasher();
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    void update(const void* data, std::size_t length);
    // Ends the hash; the hasher may not be used again.
    Digest finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

Digest digest_of(DigestKind kind, std::string_view content);

}  // namespace hubkeep
