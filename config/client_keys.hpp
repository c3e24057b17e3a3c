#pragma once
// The keys that hubkeep gives to its clients: how they look, and the list of them. Clients send a
// key wherever they would send a token of the Hub (HF_TOKEN), so it has the form of one: "hf_" and
// letters and digits (llama.cpp sends nothing else), 40 characters: hf_ hk, 29 random ones, and 6
// that check the rest. By that form a key is known as ours even when it is revoked or another
// hubkeep's, and is never shown to the Hub. The list holds digests only. Functions without state;
// any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/digest.hpp"
#include "common/result.hpp"
#include "common/secret.hpp"

namespace hubkeep {

struct ClientLimits {
    unsigned concurrent = 0;  // requests being answered at once; 0: any number
    unsigned per_minute = 0;  // requests; 0: any number
    bool operator==(const ClientLimits&) const = default;
};

struct ClientKey {
    std::string name;          // unique
    std::string team;          // "" for none
    Digest digest;             // SHA-256 of the key
    std::int64_t created = 0;  // seconds since 1970, as all times here
    std::optional<std::int64_t> expires;
    std::vector<std::string> repos;  // globs; empty: all
    ClientLimits limits;
    bool operator==(const ClientKey&) const = default;

    bool is_expired(std::int64_t now) const { return expires && *expires <= now; }
    // Names the key without giving it away: the first digits of its digest.
    std::string fingerprint() const { return digest.hex().substr(0, 8); }
};

inline constexpr std::size_t max_client_keys = 10'000;
// 9999-12-31T23:59:59Z: later times have no text.
inline constexpr std::int64_t max_client_time = 253'402'300'799;

enum class KeyForm {
    none,     // no key of hubkeep, and no part of one
    damaged,  // one that is mistyped, cut short or wrapped in other text
    whole
};
KeyForm key_form(std::string_view text);
// io when the system has no random numbers to give.
Result<Secret> make_client_key();

// Letters, digits and ._@+-, at most 64, the first a letter or digit; not "anonymous".
bool is_client_name(std::string_view name);

// The list as text and back. Errors say what is wrong with which key.
Result<std::vector<ClientKey>> parse_client_keys(std::string_view text);
std::string to_text(const std::vector<ClientKey>& keys);

// Fails when the name is taken, or there are too many.
Result<void> add_key(std::vector<ClientKey>& keys, const ClientKey& key);
// Fails, with a name that may be meant, when there is none.
Result<void> remove_key(std::vector<ClientKey>& keys, std::string_view name);

// The list in `data_dir`; an absent file is an empty one. Errors name the file.
Result<std::vector<ClientKey>> load_client_keys(const std::string& data_dir);
// Reads the list, lets `change` alter it, and writes it, unless `change` fails. Other processes
// that do the same wait for each other. Blocks.
using KeyChange = std::function<Result<void>(std::vector<ClientKey>& keys)>;
Result<void> change_client_keys(const std::string& data_dir, const KeyChange& change);

}  // namespace hubkeep
