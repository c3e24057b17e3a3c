#include "common/secret.hpp"

#include <openssl/crypto.h>

#include "common/digest.hpp"

namespace hubkeep {

Secret::~Secret() {
    OPENSSL_cleanse(text_.data(), text_.size());
}

bool Secret::equals(std::string_view other) const {
    return text_.size() == other.size() &&
           CRYPTO_memcmp(text_.data(), other.data(), text_.size()) == 0;
}

std::string Secret::fingerprint() const {
    Hasher hasher(DigestKind::sha256, 0);
    hasher.update(text_.data(), text_.size());
    return hasher.finish().hex().substr(0, 16);
}

}  // namespace hubkeep
