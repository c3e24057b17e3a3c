// The half of metadata.hpp that speaks to clients: the one shape of every answer to resolve.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/byte_range.hpp"
#include "server/hub/metadata.hpp"

namespace hubkeep {
namespace {

// Files that the Hub shows as text. Everything else, above all HTML and SVG, must not come alive in
// a browser under hubkeep's own origin.
constexpr std::array<std::string_view, 36> text_suffixes{
    "bib",       "c",    "cfg",  "cpp",   "css",   "csv", "gitattributes",
    "gitignore", "go",   "h",    "hpp",   "html",  "ini", "ipynb",
    "jinja",     "js",   "json", "json5", "jsonl", "log", "lua",
    "md",        "mjs",  "py",   "rs",    "rst",   "sh",  "svg",
    "tex",       "toml", "ts",   "tsv",   "txt",   "xml", "yaml",
    "yml"};
constexpr std::array<std::string_view, 5> text_names{"Dockerfile", "LICENSE", "Makefile", "NOTICE",
                                                     "README"};

std::string_view file_name(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view content_type(std::string_view name) {
    const auto dot = name.rfind('.');
    std::string suffix(dot == std::string_view::npos ? "" : name.substr(dot + 1));
    for (char& c : suffix) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    // Sent as plain text whatever the suffix: the Hub never says text/html for a file.
    const bool text = std::ranges::find(text_suffixes, suffix) != text_suffixes.end() ||
                      std::ranges::find(text_names, name) != text_names.end();
    return text ? "text/plain; charset=utf-8" : "application/octet-stream";
}

bool is_attr_char(char c) {
    constexpr std::string_view others = "!#$&+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.contains(c);
}

// RFC 6266 with the RFC 8187 form first, as the Hub writes it. The plain form is for old clients
// and holds nothing that could end the quotes or the header.
std::string disposition(std::string_view type, std::string_view name) {
    std::string extended;
    std::string plain;
    for (const char c : name) {
        if (is_attr_char(c)) {
            extended += c;
        } else {
            extended += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
        const bool safe = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';
        plain += safe ? c : '_';
    }
    return fmt::format("{}; filename*=UTF-8''{}; filename=\"{}\";", type, extended, plain);
}

std::string cache_control(bool pinned, bool shared_cacheable) {
    const std::string_view who = shared_cacheable ? "public" : "private";
    if (pinned) return fmt::format("{}, max-age=31536000, immutable", who);
    return shared_cacheable ? "no-cache" : "private, no-cache";
}

}  // namespace

HeaderFields file_headers(const FileMetadata& metadata, std::string_view path, bool pinned,
                          bool shared_cacheable, bool attachment) {
    const auto name = file_name(path);
    return {
        {"X-Repo-Commit", metadata.commit},
        {"ETag", quoted_etag(metadata.blob)},
        {"Accept-Ranges", "bytes"},
        {"Content-Type", std::string(content_type(name))},
        {"Content-Disposition", disposition(attachment ? "attachment" : "inline", name)},
        {"Content-Security-Policy", "default-src 'none'; sandbox"},
        {"Cache-Control", cache_control(pinned, shared_cacheable)},
    };
}

bool forgets_token_elsewhere(std::string_view user_agent) {
    constexpr std::string_view name = "hf_hub/0.";
    constexpr std::uint64_t last = 20;
    const auto found = user_agent.find(name);
    if (found == std::string_view::npos) return false;
    const auto rest = user_agent.substr(found + name.size());
    const auto minor = parse_u64(rest.substr(0, rest.find('.')));
    return minor && *minor <= last;
}

}  // namespace hubkeep
