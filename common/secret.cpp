#include "common/secret.hpp"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <mutex>
#include <new>

#include "common/digest.hpp"

namespace hubkeep {
namespace {

// Within what systems let a user lock (8 MiB, long ago 64 KiB). OpenSSL takes its private keys from
// there as well and cannot do without, so half of it stays free for them.
constexpr std::size_t guarded_bytes = 1024 * 1024;
constexpr std::size_t guarded_for_secrets = guarded_bytes / 2;
constexpr std::size_t smallest_piece = 64;

char* allocate(std::size_t size) {
    void* data = nullptr;
    const bool guarded =
        CRYPTO_secure_malloc_initialized() == 1 && CRYPTO_secure_used() < guarded_for_secrets;
    if (guarded) data = OPENSSL_secure_malloc(size);
    if (data == nullptr) data = OPENSSL_malloc(size);
    if (data == nullptr) throw std::bad_alloc();
    return static_cast<char*>(data);
}

std::string fingerprint_of(std::string_view text) {
    return digest_of(DigestKind::sha256, text).hex().substr(0, 16);
}

}  // namespace

class Secret::Buffer {
  public:
    explicit Buffer(std::string_view text) : data_(allocate(text.size())), size_(text.size()) {
        text.copy(data_, size_);
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { OPENSSL_secure_clear_free(data_, size_); }

    std::string_view text() const { return {data_, size_}; }
    const std::string& fingerprint() const {
        std::call_once(named_, [this] { fingerprint_ = fingerprint_of(text()); });
        return fingerprint_;
    }

  private:
    char* const data_;
    const std::size_t size_;
    mutable std::once_flag named_;
    mutable std::string fingerprint_;
};

Secret::Secret(std::string_view text)
    : buffer_(text.empty() ? nullptr : std::make_shared<const Buffer>(text)) {}

std::string_view Secret::reveal() const {
    return buffer_ ? buffer_->text() : std::string_view();
}

bool Secret::equals(std::string_view other) const {
    const auto text = reveal();
    return text.size() == other.size() &&
           (text.empty() || CRYPTO_memcmp(text.data(), other.data(), text.size()) == 0);
}

std::string Secret::fingerprint() const {
    return buffer_ ? buffer_->fingerprint() : fingerprint_of("");
}

void wipe_memory(void* data, std::size_t size) {
    if (size > 0) OPENSSL_cleanse(data, size);
}

void wipe(std::string& text) {
    text.resize(text.capacity());
    wipe_memory(text.data(), text.size());
    text.clear();
}

void guard_secrets() {
    CRYPTO_secure_malloc_init(guarded_bytes, smallest_piece);
    ::prctl(PR_SET_DUMPABLE, 0);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace hubkeep
