#include "server/hub/metadata.hpp"

#include <fmt/format.h>

#include "common/byte_range.hpp"
#include "server/hub/names.hpp"
#include "server/hub/xet_hints.hpp"

namespace hubkeep {
namespace {

// Far beyond any file, and small enough that sums of sizes cannot overflow.
constexpr std::uint64_t max_file_size = std::uint64_t(1) << 52;
constexpr std::size_t max_pointer_size = 1024;
constexpr std::string_view pointer_version = "version https://git-lfs.github.com/spec/v1";

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

auto protocol_error(std::string message) {
    return fail(ErrorKind::protocol, std::move(message));
}

// Header values of other servers in our sentences: short, printable, one line.
std::string shown(std::string_view value) {
    std::string out;
    for (const char c : value.substr(0, 100)) out += c >= 0x20 && c < 0x7f ? c : '?';
    return out;
}

// Without W/ and quotes: some hops weaken the tag of what they compress, the hash stays the same.
std::string_view bare_etag(std::string_view header) {
    if (header.starts_with("W/") || header.starts_with("w/")) header.remove_prefix(2);
    if (header.size() >= 2 && header.front() == '"' && header.back() == '"') {
        header = header.substr(1, header.size() - 2);
    }
    return header;
}

Result<std::optional<std::uint64_t>> read_size(const HeaderLookup& get, std::string_view name) {
    const auto text = get(name);
    if (text.empty()) return std::nullopt;
    const auto size = parse_u64(text);
    if (!size || *size > max_file_size) {
        return protocol_error(
            fmt::format("The Hub sent {}: {}, which is no file size.", name, shown(text)));
    }
    return size;
}

// The size of the whole file as the body's own headers tell it; nothing when they do not.
Result<std::optional<std::uint64_t>> size_of_body(int status, const HeaderLookup& get) {
    if (is_redirect(status)) return std::nullopt;
    const auto encoding = get("content-encoding");
    if (!encoding.empty() && encoding != "identity") {
        return protocol_error(
            fmt::format("The Hub sent the file as {} although hubkeep asked for it as it is.",
                        shown(encoding)));
    }
    if (status != 206) return read_size(get, "content-length");
    const auto range = parse_content_range(get("content-range"));
    if (!range || !range->total || *range->total > max_file_size) {
        return protocol_error("The Hub sent a part of a file without the size of the whole.");
    }
    return range->total;
}

Result<std::uint64_t> read_file_size(int status, const HeaderLookup& get) {
    const auto linked = read_size(get, "x-linked-size");
    if (!linked) return std::unexpected(linked.error());
    const auto body = size_of_body(status, get);
    if (!body) return std::unexpected(body.error());
    if (*linked && *body && **linked != **body) {
        return protocol_error(
            fmt::format("The Hub says that the file has {} bytes (X-Linked-Size) and sends {}.",
                        **linked, **body));
    }
    if (*linked) return **linked;
    if (*body) return **body;
    return protocol_error("The Hub did not tell the size of the file.");
}

bool take_line(std::string_view& text, std::string_view& line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return false;
    line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return true;
}

}  // namespace

Result<FileMetadata> read_metadata(int status, const HeaderLookup& get) {
    if (status != 200 && status != 206 && !is_redirect(status)) {
        return protocol_error(
            fmt::format("The Hub answered {} where a file was expected.", status));
    }
    const auto commit = normalise_commit(get("x-repo-commit"));
    if (!commit) {
        return protocol_error(
            "The answer names no commit (X-Repo-Commit): it does not come from the Hub.");
    }
    const auto linked = get("x-linked-etag");
    const auto etag = bare_etag(linked.empty() ? get("etag") : linked);
    const auto blob = Digest::parse(etag);
    if (!blob) {
        return protocol_error(fmt::format(
            "The Hub sent the ETag \"{}\", which is neither a SHA-256 nor a git blob id.",
            shown(etag)));
    }
    const auto size = read_file_size(status, get);
    if (!size) return std::unexpected(size.error());
    FileMetadata metadata{*commit, *blob, *size};
    const auto xet_hash = get("x-xet-hash");
    if (is_xet_hash(xet_hash)) metadata.xet_hash = xet_hash;
    return metadata;
}

std::optional<std::string> strong_etag(std::string_view header) {
    if (header.size() < 2 || header.front() != '"' || header.back() != '"') return std::nullopt;
    const auto tag = header.substr(1, header.size() - 2);
    if (tag.contains('"')) return std::nullopt;
    return std::string(tag);
}

std::string quoted_etag(const Digest& digest) {
    return '"' + digest.hex() + '"';
}

std::string lfs_pointer(const Digest& sha256, std::uint64_t size) {
    return fmt::format("{}\noid sha256:{}\nsize {}\n", pointer_version, sha256.hex(), size);
}

std::optional<LfsPointer> parse_lfs_pointer(std::string_view text) {
    std::string_view line;
    if (text.size() > max_pointer_size || !take_line(text, line) || line != pointer_version) {
        return std::nullopt;
    }
    std::optional<Digest> oid;
    std::optional<std::uint64_t> size;
    while (take_line(text, line)) {
        constexpr std::string_view oid_key = "oid sha256:";
        constexpr std::string_view size_key = "size ";
        if (line.starts_with(oid_key)) oid = Digest::parse(line.substr(oid_key.size()));
        if (line.starts_with(size_key)) size = parse_u64(line.substr(size_key.size()));
    }
    if (!text.empty() || !oid || oid->kind != DigestKind::sha256 || !size) return std::nullopt;
    return LfsPointer{*oid, *size};
}

}  // namespace hubkeep
