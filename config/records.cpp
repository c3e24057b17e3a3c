#include "config/records.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>

#include "config/sources.hpp"
#include "config/text.hpp"
#include "config/values.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t max_records = 1000;
constexpr std::size_t max_text = 256 * 1024;

using Words = std::vector<std::string>;

// How one field of a T is read and written. A field that takes one value gets exactly one word.
template <typename T>
struct Field {
    std::string_view name;
    bool is_list = false;
    std::function<Result<void>(T&, const Words&)> read;
    std::function<Words(const T&)> write;  // empty: it holds its default
};

template <typename T>
Field<T> text_field(std::string_view name, std::string T::* member) {
    return {name, false,
            [member](T& record, const Words& words) {
                return read_value(words.front(), record.*member);
            },
            [member](const T& record) {
                return (record.*member).empty() ? Words() : Words{record.*member};
            }};
}

template <typename T>
Field<T> list_field(std::string_view name, Words T::* member) {
    return {name, true,
            [member](T& record, const Words& words) -> Result<void> {
                std::string text;
                for (const auto& word : words) {
                    if (word.empty()) return fail(ErrorKind::invalid, "has an empty item");
                    const auto good = read_value(word, text);
                    if (!good) return good;
                }
                record.*member = words;
                return {};
            },
            [member](const T& record) { return record.*member; }};
}

template <typename T, typename Choice>
Field<T> choice_field(std::string_view name, Choice T::* member) {
    return {name, false,
            [member](T& record, const Words& words) {
                return read_value(words.front(), record.*member);
            },
            [member](const T& record) { return Words{write_value(record.*member)}; }};
}

Result<void> check_kinds(const Words& kinds) {
    const Words known{"model", "dataset", "space", "kernel"};
    for (const auto& kind : kinds) {
        if (std::ranges::find(known, kind) != known.end()) continue;
        return fail(ErrorKind::invalid, fmt::format("{} is not model, dataset, space or kernel{}",
                                                    in_quotes(kind), did_you_mean(kind, known)));
    }
    return {};
}

template <typename T>
Field<T> kinds_field() {
    auto field = list_field<T>("kinds", &T::kinds);
    field.read = [read = field.read](T& record, const Words& words) {
        const auto good = check_kinds(words);
        return good ? read(record, words) : good;
    };
    return field;
}

std::vector<Field<AccessRule>> fields_of(const AccessRule&) {
    using T = AccessRule;
    return {text_field("name", &T::name),
            list_field("repos", &T::repos),
            kinds_field<T>(),
            list_field("files", &T::files),
            list_field("clients", &T::clients),
            choice_field("sharing", &T::sharing),
            text_field("message", &T::message)};
}

std::vector<Field<PolicyRule>> fields_of(const PolicyRule&) {
    using T = PolicyRule;
    return {text_field("name", &T::name),           choice_field("action", &T::action),
            list_field("repos", &T::repos),         kinds_field<T>(),
            list_field("revisions", &T::revisions), list_field("files", &T::files),
            list_field("clients", &T::clients),     text_field("message", &T::message)};
}

std::vector<Field<Team>> fields_of(const Team&) {
    return {text_field("name", &Team::name), list_field("members", &Team::members)};
}

std::vector<Field<TokenSetting>> fields_of(const TokenSetting&) {
    using T = TokenSetting;
    return {text_field("name", &T::name), list_field("repos", &T::repos),
            text_field("file", &T::file), text_field("command", &T::command),
            text_field("credential", &T::credential)};
}

// What every record needs whatever else it says.
std::string missing_in(const AccessRule&, const std::set<std::string>& given) {
    return given.contains("sharing") ? "" : "sharing";
}
std::string missing_in(const PolicyRule&, const std::set<std::string>& given) {
    if (!given.contains("name")) return "name";
    return given.contains("action") ? "" : "action";
}
std::string missing_in(const Team&, const std::set<std::string>& given) {
    return !given.contains("name") ? "name" : !given.contains("members") ? "members" : "";
}
std::string missing_in(const TokenSetting& token, const std::set<std::string>&) {
    if (token.name.empty()) return "name";
    if (token.repos.empty()) return "repos; the token for all others is upstream.token_file";
    const int places =
        int(!token.file.empty()) + int(!token.command.empty()) + int(!token.credential.empty());
    return places == 1 ? "" : "exactly one of file, command and credential";
}

Result<Words> words_of(const YAML::Node& node, bool is_list) {
    Words words;
    if (node.IsScalar()) {
        words.push_back(node.Scalar());
    } else if (node.IsSequence() && is_list) {
        for (const auto& item : node) {
            if (!item.IsScalar()) return fail(ErrorKind::invalid, "takes plain values");
            words.push_back(item.Scalar());
        }
    } else {
        return fail(ErrorKind::invalid, is_list ? "takes one value or a list" : "takes one value");
    }
    if (words.size() > max_records) return fail(ErrorKind::invalid, "has more than 1000 items");
    return words;
}

template <typename T>
Result<void> read_field(const YAML::Node& key, const YAML::Node& value, T& record,
                        std::set<std::string>& given) {
    const auto fields = fields_of(record);
    if (!key.IsScalar()) return fail(ErrorKind::invalid, "has a key that is not a plain name");
    const auto name = key.Scalar();
    const auto field = std::ranges::find(fields, name, &Field<T>::name);
    if (field == fields.end()) {
        Words names;
        for (const auto& one : fields) names.emplace_back(one.name);
        return fail(ErrorKind::invalid, fmt::format("has an unknown key {}{}", in_quotes(name),
                                                    did_you_mean(name, names)));
    }
    if (!given.insert(name).second) return fail(ErrorKind::invalid, "has " + name + " twice");
    const auto words = words_of(value, field->is_list);
    const auto read = words ? field->read(record, *words) : std::unexpected(words.error());
    if (!read) return fail(ErrorKind::invalid, name + ": " + read.error().message);
    return {};
}

template <typename T>
Result<T> read_record(const YAML::Node& node) {
    T record;
    if (!node.IsMap()) return fail(ErrorKind::invalid, "is not a map such as {name: ours}");
    std::set<std::string> given;
    for (const auto& item : node) {
        const auto read = read_field(item.first, item.second, record, given);
        if (!read) return std::unexpected(read.error());
    }
    const auto missing = missing_in(record, given);
    if (!missing.empty()) return fail(ErrorKind::invalid, "needs " + missing);
    return record;
}

template <typename T>
Result<void> read_records(std::string_view text, std::vector<T>& out) {
    if (text.size() > max_text) return fail(ErrorKind::invalid, "is too long");
    YAML::Node node;
    try {
        node = YAML::Load(std::string(text));
    } catch (const YAML::Exception& error) {
        return fail(ErrorKind::invalid, "is not a list of maps: " + printable(error.msg));
    }
    std::vector<T> records;
    if (!node.IsSequence() && !node.IsNull()) {
        return fail(ErrorKind::invalid, "is not a list such as [{name: ours}]");
    }
    for (const auto& item : node) {
        if (records.size() == max_records) {
            return fail(ErrorKind::invalid, "has more than 1000 items");
        }
        auto record = read_record<T>(item);
        if (!record) {
            return fail(ErrorKind::invalid,
                        fmt::format("item {} {}", records.size() + 1, record.error().message));
        }
        records.push_back(std::move(*record));
    }
    out = std::move(records);
    return {};
}

template <typename T>
std::string write_records(const std::vector<T>& records) {
    Words maps;
    for (const auto& record : records) {
        Words parts;
        for (const auto& field : fields_of(record)) {
            auto words = field.write(record);
            if (words.empty()) continue;
            std::ranges::transform(words, words.begin(), yaml_text);
            const auto value =
                field.is_list ? fmt::format("[{}]", fmt::join(words, ", ")) : words.front();
            parts.push_back(fmt::format("{}: {}", field.name, value));
        }
        maps.push_back(fmt::format("{{{}}}", fmt::join(parts, ", ")));
    }
    return fmt::format("[{}]", fmt::join(maps, ", "));
}

}  // namespace

std::string yaml_text(const std::string& text) {
    const auto is_safe = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("/._-+%:@").contains(c);
    };
    bool plain = !text.empty() &&
                 (std::isalnum(static_cast<unsigned char>(text[0])) != 0 || text[0] == '/') &&
                 !text.ends_with(':');
    for (const char c : text) plain = plain && is_safe(c);
    if (plain && text != "null" && text != "Null" && text != "NULL") return text;
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

Result<void> read_value(std::string_view text, std::vector<AccessRule>& out) {
    return read_records(text, out);
}
Result<void> read_value(std::string_view text, std::vector<PolicyRule>& out) {
    return read_records(text, out);
}
Result<void> read_value(std::string_view text, std::vector<Team>& out) {
    return read_records(text, out);
}
Result<void> read_value(std::string_view text, std::vector<TokenSetting>& out) {
    return read_records(text, out);
}

std::string write_value(const std::vector<AccessRule>& value) {
    return write_records(value);
}
std::string write_value(const std::vector<PolicyRule>& value) {
    return write_records(value);
}
std::string write_value(const std::vector<Team>& value) {
    return write_records(value);
}
std::string write_value(const std::vector<TokenSetting>& value) {
    return write_records(value);
}

}  // namespace hubkeep
