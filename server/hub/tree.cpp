#include "server/hub/tree.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "server/hub/json_text.hpp"
#include "server/hub/metadata.hpp"
#include "server/hub/names.hpp"
#include "server/hub/xet_hints.hpp"

namespace hubkeep {
namespace {

constexpr std::string_view unknown_oid = "0000000000000000000000000000000000000000";

auto not_understood(std::string_view what) {
    return fail(ErrorKind::protocol, fmt::format("The Hub sent a listing with {}.", what));
}

std::string_view text_of(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains({name.data(), name.size()});
    if (!value || !value->is_string()) return {};
    return {value->get_string().data(), value->get_string().size()};
}

std::optional<std::uint64_t> size_of(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains({name.data(), name.size()});
    if (!value) return std::nullopt;
    boost::system::error_code error;
    const auto size = value->to_number<std::uint64_t>(error);
    if (error) return std::nullopt;
    return size;
}

// Where trees and siblings differ.
struct Names {
    const char* path;
    const char* oid;
    const char* digest;
};
constexpr Names tree_names{"path", "oid", "oid"};
constexpr Names sibling_names{"rfilename", "blobId", "sha256"};

Result<TreeItem> read_item(std::string_view element, const Names& names) {
    boost::system::error_code error;
    const auto value = boost::json::parse({element.data(), element.size()}, error);
    const auto* object = error ? nullptr : value.if_object();
    if (!object) return not_understood("an item that is not an object");
    TreeItem item;
    item.path = text_of(*object, names.path);
    if (!is_valid_path(item.path)) return not_understood("a path that no repo can hold");
    item.is_folder = text_of(*object, "type") == "directory";
    const auto oid = Digest::parse(text_of(*object, names.oid));
    if (oid && oid->kind == DigestKind::git_sha1 && oid->hex() != unknown_oid) item.oid = oid;
    if (item.is_folder) return item;
    const auto size = size_of(*object, "size");
    if (!size) return not_understood("a file without its size");
    item.size = *size;
    const auto* lfs = object->if_contains("lfs");
    if (lfs && lfs->is_object()) {
        const auto digest = Digest::parse(text_of(lfs->get_object(), names.digest));
        if (!digest || digest->kind != DigestKind::sha256) {
            return not_understood("an LFS file without its SHA-256");
        }
        item.lfs = digest;
        item.pointer_size = size_of(lfs->get_object(), "pointerSize").value_or(0);
    }
    if (!item.oid && !item.lfs) return not_understood("a file without its git id");
    const auto xet_hash = text_of(*object, "xetHash");
    if (is_xet_hash(xet_hash)) item.xet_hash = xet_hash;
    return item;
}

std::string quoted(std::string_view text) {
    return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

void append_lfs(std::string& out, const TreeItem& item, const Names& names) {
    if (!item.lfs) return;
    fmt::format_to(std::back_inserter(out), R"(,"lfs":{{"{}":"{}","size":{},"pointerSize":{}}})",
                   names.digest, item.lfs->hex(), item.size, item.pointer_size);
}

}  // namespace

Result<TreeItem> read_tree_item(std::string_view element) {
    auto item = read_item(element, tree_names);
    if (item) item->xet_told = true;
    return item;
}

Result<TreeItem> read_sibling(std::string_view element) {
    return read_item(element, sibling_names);
}

void complete_pointer(TreeItem& item) {
    if (!item.lfs || (item.oid && item.pointer_size != 0)) return;
    const auto pointer = lfs_pointer(*item.lfs, item.size);
    item.oid = digest_of(DigestKind::git_sha1, pointer);
    item.pointer_size = pointer.size();
}

void append_tree_item(std::string& out, const TreeItem& item) {
    fmt::format_to(std::back_inserter(out), R"({{"type":"{}","oid":"{}","size":{})",
                   item.is_folder ? "directory" : "file",
                   item.oid ? item.oid->hex() : std::string(unknown_oid), item.size);
    out.append(R"(,"path":)").append(quoted(item.path));
    append_lfs(out, item, tree_names);
    if (!item.xet_hash.empty()) out.append(R"(,"xetHash":)").append(quoted(item.xet_hash));
    out.append("}");
}

void append_sibling(std::string& out, const TreeItem& item, bool blobs) {
    out.append(R"({"rfilename":)").append(quoted(item.path));
    if (blobs && item.oid) {
        fmt::format_to(std::back_inserter(out), R"(,"blobId":"{}","size":{})", item.oid->hex(),
                       item.size);
        append_lfs(out, item, sibling_names);
    }
    out.append("}");
}

std::string with_siblings(std::string_view checked_info, std::string_view siblings) {
    std::string out;
    if (const auto old = member_text(checked_info, "siblings")) {
        const auto begin = static_cast<std::size_t>(old->data() - checked_info.data());
        out.append(checked_info.substr(0, begin)).append(siblings);
        return out.append(checked_info.substr(begin + old->size()));
    }
    const auto end = checked_info.rfind('}');
    out.append(checked_info.substr(0, end));
    if (member_text(checked_info, "id")) out.append(",");
    return out.append(R"("siblings":)").append(siblings).append(checked_info.substr(end));
}

std::optional<std::string> with_only(std::string_view checked_info,
                                     const std::vector<std::string>& fields) {
    std::string out = "{";
    const auto append = [&](std::string_view name, std::string_view text) {
        if (out.size() > 1) out.append(",");
        out.append(quoted(name)).append(":").append(text);
    };
    for (const std::string_view name : {"_id", "id"}) {
        if (const auto text = member_text(checked_info, name)) append(name, *text);
    }
    for (const auto& field : fields) {
        if (field == "_id" || field == "id") continue;
        const auto text = member_text(checked_info, field);
        if (!text) return std::nullopt;
        append(field, *text);
    }
    return out.append("}");
}

std::string unknown_info(std::string_view repo, std::string_view commit,
                         std::string_view siblings) {
    return fmt::format(R"({{"id":{},"private":false,"sha":"{}","downloads":0,"likes":0,"tags":[],)"
                       R"("siblings":{}}})",
                       quoted(repo), commit, siblings);
}

}  // namespace hubkeep
