#include "config/stored_tokens.hpp"

#include <boost/json.hpp>
#include <new>
#include <optional>

#include "config/token.hpp"

namespace hubkeep {
namespace {

namespace json = boost::json;

constexpr std::size_t max_file = 1024 * 1024;
constexpr std::size_t max_repos = 1000;

// Memory for JSON that holds tokens: overwritten when it is given back. Boost.JSON needs no more
// alignment than every allocation has, and does not name the same one when it gives back a key.
class WipedMemory final : public json::memory_resource {
    void* do_allocate(std::size_t size, std::size_t) override { return ::operator new(size); }
    void do_deallocate(void* memory, std::size_t size, std::size_t) override {
        wipe_memory(memory, size);
        ::operator delete(memory);
    }
    bool do_is_equal(const json::memory_resource& other) const noexcept override {
        return this == &other;
    }
};

std::optional<std::string> text_of(const json::object& object, std::string_view name) {
    const auto* const found = object.if_contains({name.data(), name.size()});
    const auto* const text = found ? found->if_string() : nullptr;
    if (!text) return std::nullopt;
    return std::string(text->data(), text->size());
}

std::optional<std::vector<std::string>> repos_of(const json::object& object) {
    const auto* const found = object.if_contains("repos");
    const auto* const list = found ? found->if_array() : nullptr;
    if (!list || list->size() > max_repos) return std::nullopt;
    std::vector<std::string> repos;
    for (const auto& item : *list) {
        const auto* const text = item.if_string();
        if (!text) return std::nullopt;
        repos.emplace_back(text->data(), text->size());
    }
    return repos;
}

std::optional<StoredToken> token_of(const json::value& value) {
    const auto* const object = value.if_object();
    if (!object) return std::nullopt;
    const auto name = text_of(*object, "name");
    auto repos = repos_of(*object);
    const auto* const token = object->if_contains("token");
    const auto* const text = token ? token->if_string() : nullptr;
    if (!name || !repos || !text || !is_token_name(*name)) return std::nullopt;
    if (repos->empty() != (*name == default_token_name)) return std::nullopt;
    auto secret = to_token({text->data(), text->size()}, *name);
    if (!secret) return std::nullopt;
    return StoredToken{*name, std::move(*repos), std::move(*secret)};
}

std::optional<std::vector<StoredToken>> parse(std::string_view content) {
    WipedMemory memory;
    json::parser parser(&memory);
    parser.reset(&memory);
    boost::system::error_code ec;
    parser.write({content.data(), content.size()}, ec);
    if (ec) return std::nullopt;
    const auto document = parser.release();
    const auto* const object = document.if_object();
    const auto* const found = object ? object->if_contains("tokens") : nullptr;
    const auto* const list = found ? found->if_array() : nullptr;
    if (!list || list->size() > max_stored_tokens) return std::nullopt;
    std::vector<StoredToken> tokens;
    for (const auto& item : *list) {
        auto token = token_of(item);
        if (!token) return std::nullopt;
        tokens.push_back(std::move(*token));
    }
    return tokens;
}

}  // namespace

fs::path stored_tokens_file(const std::string& data_dir) {
    return fs::path(data_dir) / "tokens.json";
}

Result<std::vector<StoredToken>> read_stored_tokens(const std::string& data_dir) {
    const auto file = stored_tokens_file(data_dir);
    auto content = read_private_file(file, max_file, Readers::owner);
    if (!content) {
        if (content.error().kind == ErrorKind::not_found) return std::vector<StoredToken>();
        return std::unexpected(content.error());
    }
    const WipedText text(std::move(*content));
    auto tokens = parse(text.text);
    if (!tokens) {
        return fail(ErrorKind::corrupt,
                    file.string() +
                        " is not what `hubkeep token set` writes; remove it and set "
                        "the tokens again");
    }
    return std::move(*tokens);
}

Result<void> write_stored_tokens(const std::string& data_dir,
                                 const std::vector<StoredToken>& tokens) {
    WipedMemory memory;
    json::array list(&memory);
    for (const auto& token : tokens) {
        json::array repos(&memory);
        for (const auto& repo : token.repos) repos.emplace_back(repo);
        const auto text = token.token.reveal();
        list.push_back(json::object({{"name", token.name},
                                     {"repos", std::move(repos)},
                                     {"token", json::string({text.data(), text.size()}, &memory)}},
                                    &memory));
    }
    const WipedText content(json::serialize(json::object({{"tokens", std::move(list)}}, &memory)));
    return write_private_file(stored_tokens_file(data_dir), content.text);
}

}  // namespace hubkeep
