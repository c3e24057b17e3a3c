#include "server/xet/token.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <optional>
#include <vector>

#include "common/base64url.hpp"
#include "common/byte_range.hpp"

namespace hubkeep {
namespace {

// The form of what is signed. Another one gets another number.
constexpr std::string_view form = "1";
constexpr std::size_t max_token = 2048;
constexpr std::size_t fields = 12;

// Names hold no control characters; see clients.cpp and names.hpp.
constexpr char separator = '\n';

std::string text_of(const XetClaims& claims) {
    return fmt::format("{1}{0}{2}{0}{3}{0}{4}{0}{5}{0}{6}{0}{7}{0}{8}{0}{9}{0}{10}{0}{11}{0}{12}",
                       separator, form, path_of(claims.repo), claims.commit,
                       static_cast<int>(claims.by), claims.from_web_page ? 1 : 0, claims.expires,
                       claims.issued, claims.reader, claims.file, claims.hub_token, claims.key,
                       claims.name);
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<XetClaims> claims_of(std::string_view text) {
    const auto parts = split(text);
    if (parts.size() != fields || parts[0] != form) return std::nullopt;
    auto repo = parse_repo(parts[1]);
    const auto by = parse_u64(parts[3]);
    const auto expires = parse_u64(parts[5]);
    const auto issued = parse_u64(parts[6]);
    const bool is_good =
        repo && by && *by <= static_cast<std::uint64_t>(Visitor::By::key) && expires && issued;
    if (!is_good) return std::nullopt;
    return XetClaims{.repo = std::move(*repo),
                     .commit = std::string(parts[2]),
                     .by = static_cast<Visitor::By>(*by),
                     .key = std::string(parts[10]),
                     .name = std::string(parts[11]),
                     .hub_token = std::string(parts[9]),
                     .from_web_page = parts[4] == "1",
                     .file = std::string(parts[8]),
                     .reader = std::string(parts[7]),
                     .issued = static_cast<std::int64_t>(*issued),
                     .expires = static_cast<std::int64_t>(*expires)};
}

}  // namespace

std::string XetTokens::signature(std::string_view text) const {
    const auto key = key_.reveal();
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned length = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
    return to_base64url({reinterpret_cast<const char*>(digest.data()), length});
}

std::string XetTokens::issue(const XetClaims& claims) const {
    const auto text = to_base64url(text_of(claims));
    return text + '.' + signature(text);
}

std::expected<XetClaims, XetTokens::Flaw> XetTokens::read(std::string_view token,
                                                          std::int64_t now) const {
    const auto dot = token.find('.');
    if (token.size() > max_token || dot == std::string_view::npos) {
        return std::unexpected(Flaw::foreign);
    }
    const auto text = token.substr(0, dot);
    const auto right = signature(text);
    const auto shown = token.substr(dot + 1);
    const bool is_ours = shown.size() == right.size() &&
                         CRYPTO_memcmp(shown.data(), right.data(), right.size()) == 0;
    if (!is_ours) return std::unexpected(Flaw::foreign);
    const auto signed_text = from_base64url(text);
    auto claims = signed_text ? claims_of(*signed_text) : std::nullopt;
    if (!claims) return std::unexpected(Flaw::foreign);
    if (claims->expires + grace_seconds <= now) return std::unexpected(Flaw::expired);
    return std::move(*claims);
}

}  // namespace hubkeep
