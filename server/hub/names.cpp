#include "server/hub/names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace hubkeep {
namespace {

constexpr std::size_t max_repo_segment = 96;
constexpr std::size_t max_revision = 255;
constexpr std::size_t max_path = 4096;

bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_word(char c) {
    return is_alnum(c) || c == '_';
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// First segments of the Hub's own addresses: a model "datasets/squad" would be asked for at the
// address of the dataset "squad", and then one could be taken for the other. So would a model
// "Datasets/squad": the Hub's router takes no notice of case.
constexpr std::array<std::string_view, 6> reserved{"api",     "buckets", "datasets",
                                                   "kernels", "spaces",  "v2"};

bool is_valid_repo_segment(std::string_view segment) {
    if (segment.empty() || segment.size() > max_repo_segment) return false;
    if (!is_word(segment.front()) || !is_word(segment.back())) return false;
    return std::ranges::all_of(segment, [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

template <typename Accept>
bool every_segment(std::string_view text, Accept accept) {
    for (;;) {
        const auto slash = text.find('/');
        if (!accept(text.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        text.remove_prefix(slash + 1);
    }
}

std::string percent_encode(std::string_view text, bool keep_slash) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    for (const char c : text) {
        if (is_word(c) || c == '-' || c == '.' || c == '~' || (keep_slash && c == '/')) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

struct KindNames {
    std::string_view name, api, prefix;
};

constexpr std::array<KindNames, 4> kinds{{{"model", "models", ""},
                                          {"dataset", "datasets", "datasets/"},
                                          {"space", "spaces", "spaces/"},
                                          {"kernel", "kernels", "kernels/"}}};

const KindNames& names_of(RepoKind kind) {
    return kinds[static_cast<std::size_t>(kind)];
}

std::optional<RepoKind> kind_in(std::string_view KindNames::* column, std::string_view text) {
    const auto found = std::ranges::find(kinds, text, column);
    if (found == kinds.end()) return std::nullopt;
    return static_cast<RepoKind>(found - kinds.begin());
}

}  // namespace

std::string_view name_of(RepoKind kind) {
    return names_of(kind).name;
}
std::string_view api_segment(RepoKind kind) {
    return names_of(kind).api;
}
std::string_view url_prefix(RepoKind kind) {
    return names_of(kind).prefix;
}

std::optional<RepoKind> kind_of_name(std::string_view name) {
    return kind_in(&KindNames::name, name);
}

std::optional<RepoKind> kind_of_api_segment(std::string_view segment) {
    return kind_in(&KindNames::api, segment);
}

std::string path_of(const RepoId& repo) {
    return std::string(url_prefix(repo.kind)) + repo.name;
}

std::optional<RepoId> parse_repo(std::string_view path) {
    const auto slash = path.find('/');
    const auto prefix = slash == std::string_view::npos ? "" : path.substr(0, slash + 1);
    const auto kind = kind_in(&KindNames::prefix, prefix).value_or(RepoKind::model);
    path.remove_prefix(url_prefix(kind).size());
    if (!is_valid_repo_name(path)) return std::nullopt;
    return RepoId{kind, std::string(path)};
}

bool is_valid_repo_name(std::string_view name) {
    if (std::ranges::count(name, '/') > 1 || name.ends_with(".git")) return false;
    if (name.contains("--") || name.contains("..")) return false;
    const auto first = in_lower_case(name.substr(0, name.find('/')));
    if (std::ranges::find(reserved, first) != reserved.end()) return false;
    return every_segment(name, is_valid_repo_segment);
}

std::string in_lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

bool is_commit(std::string_view text) {
    return text.size() == 40 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

std::optional<std::string> normalise_commit(std::string_view text) {
    auto lower = in_lower_case(text);
    if (!is_commit(lower)) return std::nullopt;
    return lower;
}

bool is_valid_revision(std::string_view revision) {
    constexpr std::string_view refused = " ~^:?*[\\";
    if (revision.empty() || revision.size() > max_revision || !is_utf8(revision)) return false;
    if (revision.front() == '-' || revision.back() == '.' || revision == "@") return false;
    if (revision.contains("..") || revision.contains("@{")) return false;
    for (const char c : revision) {
        if (is_control(c) || refused.contains(c)) return false;
    }
    return every_segment(revision, [](std::string_view segment) {
        return !segment.empty() && segment.front() != '.' && !segment.ends_with(".lock");
    });
}

bool is_valid_path(std::string_view path) {
    if (path.empty() || path.size() > max_path || !is_utf8(path)) return false;
    for (const char c : path) {
        if (is_control(c) || c == '\\') return false;
    }
    return every_segment(path, [](std::string_view segment) {
        return !segment.empty() && segment != "." && segment != "..";
    });
}

std::string percent_encode_path(std::string_view path) {
    return percent_encode(path, true);
}
std::string percent_encode_segment(std::string_view segment) {
    return percent_encode(segment, false);
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        char c = text[at];
        if (c == '%') {
            if (text.size() - at < 3) return std::nullopt;
            const int high = hex_value(text[at + 1]);
            const int low = hex_value(text[at + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            at += 2;
        }
        if (c == '\0') return std::nullopt;
        out += c;
    }
    return out;
}

// The Hub names files in JSON, so a name that is not UTF-8 cannot exist there, and overlong dots
// and slashes are an attack.
bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || text.size() - at < length) return false;
        for (std::size_t i = 1; i < length; ++i) {
            if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return false;
        }
        const auto second = length > 1 ? static_cast<unsigned char>(text[at + 1]) : 0;
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return false;
        if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return false;
        at += length;
    }
    return true;
}

}  // namespace hubkeep
