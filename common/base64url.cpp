#include "common/base64url.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace hubkeep {
namespace {

constexpr std::size_t bytes_per_group = 3;
constexpr std::size_t digits_per_group = 4;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string to_base64url(std::string_view bytes) {
    const auto groups = (bytes.size() + bytes_per_group - 1) / bytes_per_group;
    std::string text(groups * digits_per_group + 1, '\0');  // the call ends it with a NUL
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                       bytes_of(bytes), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(length));
    text.resize(text.find_last_not_of('=') + 1);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
    std::string padded(text);
    std::ranges::replace(padded, '-', '+');
    std::ranges::replace(padded, '_', '/');
    const auto rest = padded.size() % digits_per_group;
    const auto padding = rest == 0 ? 0 : digits_per_group - rest;
    if (padding > 2) return std::nullopt;
    padded.append(padding, '=');
    std::string bytes(padded.size() / digits_per_group * bytes_per_group, '\0');
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                       bytes_of(padded), static_cast<int>(padded.size()));
    if (length < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(length) - padding);
    // One text for each value: no other digits, no bits that nobody reads.
    if (to_base64url(bytes) != text) return std::nullopt;
    return bytes;
}

}  // namespace hubkeep
