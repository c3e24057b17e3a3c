#include "common/digest.hpp"

#include <openssl/evp.h>

#include <cstring>

#include "common/check.hpp"

namespace hubkeep {
namespace {

// Fetching an algorithm takes a lock and a look-up in OpenSSL 3, so it is done once per process.
const EVP_MD* algorithm(DigestKind kind) {
    static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    static EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    return kind == DigestKind::sha256 ? sha256 : sha1;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string_view name_of(DigestKind kind) {
    return kind == DigestKind::sha256 ? "sha256" : "git-sha1";
}

std::string Digest::hex() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out(size() * 2, '0');
    for (std::size_t i = 0; i < size(); ++i) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return out;
}

std::optional<Digest> Digest::parse(std::string_view hex) {
    Digest digest;
    if (hex.size() == 40) {
        digest.kind = DigestKind::git_sha1;
    } else if (hex.size() != 64) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < hex.size() / 2; ++i) {
        const int high = hex_value(hex[2 * i]);
        const int low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return digest;
}

std::size_t DigestHash::operator()(const Digest& digest) const noexcept {
    std::size_t value;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value ^ static_cast<std::size_t>(digest.kind);
}

struct Hasher::State {
    explicit State(DigestKind k) : kind(k) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { EVP_MD_CTX_free(context); }
    const DigestKind kind;
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
};

Hasher::Hasher(DigestKind kind, std::uint64_t size) : state_(std::make_unique<State>(kind)) {
    CHECK(EVP_DigestInit_ex(state_->context, algorithm(kind), nullptr) == 1);
    if (kind == DigestKind::git_sha1) {
        const std::string prefix = "blob " + std::to_string(size);
        update(prefix.data(), prefix.size() + 1);
    }
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(const void* data, std::size_t length) {
    CHECK(EVP_DigestUpdate(state_->context, data, length) == 1);
}

Digest Hasher::finish() {
    Digest digest;
    digest.kind = state_->kind;
    unsigned length = 0;
    CHECK(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), &length) == 1);
    CHECK(length == digest.size());
    return digest;
}

Digest digest_of(DigestKind kind, std::string_view content) {
    Hasher hasher(kind, content.size());
    hasher.update(content.data(), content.size());
    return hasher.finish();
}

}  // namespace hubkeep
