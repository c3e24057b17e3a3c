#include "config/client_keys.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <set>
#include <thread>

#include "common/private_file.hpp"
#include "config/sources.hpp"
#include "config/text.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view alphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view marker = "hf_hk";
constexpr std::size_t random_letters = 29;
constexpr std::size_t check_letters = 6;
constexpr std::size_t key_size = marker.size() + random_letters + check_letters;
// "hf_" and 34 letters. The random part of such a token may begin like our marker.
constexpr std::size_t hub_token_size = 37;

constexpr std::size_t max_name = 64;
constexpr std::size_t max_globs = 1000;
constexpr std::size_t max_glob = 256;
constexpr std::size_t max_file = 64 * 1024 * 1024;
constexpr auto lock_patience = std::chrono::seconds(5);
constexpr auto lock_pause = std::chrono::milliseconds(10);

bool is_letter_or_digit(char c) {
    return alphabet.contains(c);
}

std::string check_of(std::string_view text) {
    const auto digest = digest_of(DigestKind::sha256, text);
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8 | digest.bytes[i];
    std::string out;
    for (std::size_t i = 0; i < check_letters; ++i, number /= alphabet.size()) {
        out += alphabet[number % alphabet.size()];
    }
    return out;
}

namespace json = boost::json;

Result<std::string> text_in(const json::object& object, std::string_view name) {
    const auto* const found = object.if_contains(name);
    if (found == nullptr) return std::string();
    const auto* const text = found->if_string();
    if (text == nullptr) return fail(ErrorKind::invalid, fmt::format("\"{}\" is no text", name));
    return std::string(text->data(), text->size());
}

// Nothing when it is not there.
Result<std::optional<std::int64_t>> number_in(const json::object& object, std::string_view name,
                                              std::int64_t max) {
    const auto* const found = object.if_contains(name);
    if (found == nullptr) return std::nullopt;
    const auto* const number = found->if_int64();
    if (number == nullptr || *number < 0 || *number > max) {
        return fail(ErrorKind::invalid, fmt::format("\"{}\" is not 0 to {}", name, max));
    }
    return *number;
}

Result<std::vector<std::string>> globs_in(const json::object& object, std::string_view name) {
    std::vector<std::string> globs;
    const auto* const found = object.if_contains(name);
    if (found == nullptr) return globs;
    const auto* const list = found->if_array();
    const auto is_glob = [](const json::value& item) {
        return item.is_string() && !item.get_string().empty() &&
               item.get_string().size() <= max_glob;
    };
    if (list == nullptr || list->size() > max_globs || !std::ranges::all_of(*list, is_glob)) {
        return fail(ErrorKind::invalid, fmt::format("\"{}\" is no list of patterns", name));
    }
    for (const auto& item : *list) globs.emplace_back(item.get_string());
    return globs;
}

Result<ClientLimits> limits_in(const json::object& object) {
    ClientLimits limits;
    const auto* const found = object.if_contains("limits");
    if (found == nullptr) return limits;
    const auto* const given = found->if_object();
    if (given == nullptr) return fail(ErrorKind::invalid, "\"limits\" is no object");
    constexpr std::int64_t most = 1'000'000;
    const auto concurrent = number_in(*given, "concurrent", most);
    if (!concurrent) return std::unexpected(concurrent.error());
    const auto per_minute = number_in(*given, "per_minute", most);
    if (!per_minute) return std::unexpected(per_minute.error());
    limits.concurrent = static_cast<unsigned>(concurrent->value_or(0));
    limits.per_minute = static_cast<unsigned>(per_minute->value_or(0));
    return limits;
}

Result<void> read_fields(const json::object& object, ClientKey& key) {
    const auto team = text_in(object, "team");
    if (!team) return std::unexpected(team.error());
    const auto hex = text_in(object, "digest");
    if (!hex) return std::unexpected(hex.error());
    const auto digest = Digest::parse(*hex);
    if (!digest || digest->kind != DigestKind::sha256) {
        return fail(ErrorKind::invalid, "\"digest\" is not 64 hex digits");
    }
    const auto created = number_in(object, "created", max_client_time);
    if (!created) return std::unexpected(created.error());
    const auto expires = number_in(object, "expires", max_client_time);
    if (!expires) return std::unexpected(expires.error());
    auto repos = globs_in(object, "repos");
    if (!repos) return std::unexpected(repos.error());
    const auto limits = limits_in(object);
    if (!limits) return std::unexpected(limits.error());
    if (!team->empty() && !is_client_name(*team)) {
        return fail(ErrorKind::invalid, "\"team\" is no name");
    }
    key.team = *team;
    key.digest = *digest;
    key.created = created->value_or(0);
    key.expires = *expires;
    key.repos = std::move(*repos);
    key.limits = *limits;
    return {};
}

Result<ClientKey> read_key(const json::value& value) {
    const auto* const object = value.if_object();
    if (object == nullptr) return fail(ErrorKind::invalid, "is no object");
    const auto name = text_in(*object, "name");
    ClientKey key;
    if (!name || !is_client_name(*name)) return fail(ErrorKind::invalid, "has no usable \"name\"");
    key.name = *name;
    const auto read = read_fields(*object, key);
    if (!read)
        return fail(ErrorKind::invalid, fmt::format("({}): {}", *name, read.error().message));
    return key;
}

// Somebody else's change takes milliseconds.
Result<File> wait_for_lock(const fs::path& path) {
    const auto until = std::chrono::steady_clock::now() + lock_patience;
    for (;;) {
        auto lock = lock_private_file(path);
        const bool is_taken = !lock && lock.error().kind == ErrorKind::limited;
        if (!is_taken || std::chrono::steady_clock::now() > until) return lock;
        std::this_thread::sleep_for(lock_pause);
    }
}

fs::path file_in(const std::string& data_dir) {
    return fs::path(data_dir) / "clients.json";
}

}  // namespace

KeyForm key_form(std::string_view text) {
    // Quotes, or a scheme that stands there twice, make no token of the Hub of it.
    if (!text.contains(marker)) return KeyForm::none;
    const bool has_size = text.size() == key_size || text.size() == hub_token_size;
    const bool has_form = has_size && text.starts_with(marker) &&
                          std::ranges::all_of(text.substr(3), is_letter_or_digit);
    if (!has_form) return KeyForm::damaged;
    const auto body = text.substr(0, key_size - check_letters);
    const bool is_checked = check_of(body).starts_with(text.substr(body.size()));
    if (text.size() == key_size) return is_checked ? KeyForm::whole : KeyForm::damaged;
    // A key without its last three letters is as long as a token of the Hub.
    return is_checked ? KeyForm::damaged : KeyForm::none;
}

Result<Secret> make_client_key() {
    WipedText key;
    auto& text = key.text;
    text.reserve(key_size);
    text = marker;
    // Bytes above the last multiple of the alphabet's size would favour its first letters.
    constexpr std::size_t fair = 256 / alphabet.size() * alphabet.size();
    std::array<unsigned char, 64> bytes{};
    while (text.size() < marker.size() + random_letters) {
        if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
            return fail(ErrorKind::io, "the system has no random numbers to give");
        }
        for (const auto byte : bytes) {
            if (byte < fair && text.size() < marker.size() + random_letters) {
                text += alphabet[byte % alphabet.size()];
            }
        }
    }
    OPENSSL_cleanse(bytes.data(), bytes.size());
    text += check_of(text);
    return Secret(text);
}

bool is_client_name(std::string_view name) {
    const auto is_part = [](char c) {
        return is_letter_or_digit(c) || std::string_view("._@+-").contains(c);
    };
    return !name.empty() && name.size() <= max_name && is_letter_or_digit(name.front()) &&
           std::ranges::all_of(name, is_part) && name != "anonymous";
}

Result<std::vector<ClientKey>> parse_client_keys(std::string_view text) {
    boost::system::error_code ec;
    const auto document = json::parse(text, ec);
    const auto* const object = ec ? nullptr : document.if_object();
    const auto* const found = object ? object->if_contains("keys") : nullptr;
    const auto* const list = found ? found->if_array() : nullptr;
    if (list == nullptr) return fail(ErrorKind::invalid, "is no list of keys in JSON");
    if (list->size() > max_client_keys) {
        return fail(ErrorKind::invalid, fmt::format("holds more than {} keys", max_client_keys));
    }
    std::vector<ClientKey> keys;
    std::set<std::string> names;
    for (const auto& value : *list) {
        auto key = read_key(value);
        if (!key) {
            return fail(ErrorKind::invalid,
                        fmt::format("key {} {}", keys.size() + 1, key.error().message));
        }
        if (!names.insert(key->name).second) {
            return fail(ErrorKind::invalid, fmt::format("has two keys of {}", key->name));
        }
        keys.push_back(std::move(*key));
    }
    return keys;
}

std::string to_text(const std::vector<ClientKey>& keys) {
    std::string out = "{\"keys\": [";
    for (const auto& key : keys) {
        json::object object{{"name", key.name}};
        if (!key.team.empty()) object["team"] = key.team;
        object["digest"] = key.digest.hex();
        object["created"] = key.created;
        if (key.expires) object["expires"] = *key.expires;
        if (!key.repos.empty()) object["repos"] = json::array(key.repos.begin(), key.repos.end());
        json::object limits;
        if (key.limits.concurrent != 0) limits["concurrent"] = key.limits.concurrent;
        if (key.limits.per_minute != 0) limits["per_minute"] = key.limits.per_minute;
        if (!limits.empty()) object["limits"] = std::move(limits);
        out += (&key == keys.data() ? "\n  " : ",\n  ") + json::serialize(object);
    }
    return out + "\n]}\n";
}

Result<void> add_key(std::vector<ClientKey>& keys, const ClientKey& key) {
    if (std::ranges::find(keys, key.name, &ClientKey::name) != keys.end()) {
        return fail(ErrorKind::invalid,
                    fmt::format("there is a client {0} already: take another name, or remove it "
                                "first with `hubkeep client rm {0}`",
                                key.name));
    }
    if (keys.size() >= max_client_keys) {
        return fail(
            ErrorKind::invalid,
            fmt::format("there are {} clients, which is as many as can be", max_client_keys));
    }
    keys.push_back(key);
    return {};
}

Result<void> remove_key(std::vector<ClientKey>& keys, std::string_view name) {
    const auto found = std::ranges::find(keys, name, &ClientKey::name);
    if (found == keys.end()) {
        std::vector<std::string> names;
        for (const auto& key : keys) names.push_back(key.name);
        return fail(ErrorKind::not_found, fmt::format("there is no client {}{}", in_quotes(name),
                                                      did_you_mean(name, names)));
    }
    keys.erase(found);
    return {};
}

Result<std::vector<ClientKey>> load_client_keys(const std::string& data_dir) {
    const auto path = file_in(data_dir);
    const auto text = read_small_file(path, max_file);
    if (!text && text.error().kind == ErrorKind::not_found) return std::vector<ClientKey>();
    if (!text) return std::unexpected(text.error());
    auto keys = parse_client_keys(*text);
    if (!keys) {
        return fail(ErrorKind::invalid,
                    fmt::format("{} cannot be used: it {}; put a copy back, or remove it and "
                                "issue the keys anew",
                                path.string(), keys.error().message));
    }
    return keys;
}

Result<void> change_client_keys(const std::string& data_dir, const KeyChange& change) {
    const auto path = file_in(data_dir);
    const auto lock = wait_for_lock(path);
    if (!lock) return std::unexpected(lock.error());
    auto keys = load_client_keys(data_dir);
    if (!keys) return std::unexpected(keys.error());
    const auto changed = change(*keys);
    if (!changed) return changed;
    return write_private_file(path, to_text(*keys));
}

}  // namespace hubkeep
