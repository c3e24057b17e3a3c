#pragma once
// Tree: the items by which the Hub lists what a commit holds: pages of a tree, answers to
// paths-info, siblings of a repo's description. Read item by item, because a page may take many
// MiB, and written in the Hub's own form. Pure functions on values, safe on any thread. Errors are
// `protocol`: an item that cannot be understood, or a path that no repo can hold.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/digest.hpp"
#include "common/result.hpp"

namespace hubkeep {

struct TreeItem {
    std::string path;
    bool is_folder = false;
    std::uint64_t size = 0;
    // git's name for it: of the file, of the pointer of an LFS file, of the tree. Unknown for a
    // folder that was never listed itself.
    std::optional<Digest> oid;
    std::optional<Digest> lfs;       // SHA-256 of an LFS file
    std::uint64_t pointer_size = 0;  // of an LFS file
    std::string xet_hash;            // 64 hex digits, "" for none
    bool xet_told = false;           // a description of a repo leaves it out
};

// The text of each element of a JSON array, which was checked; see json_text.hpp.
Result<TreeItem> read_tree_item(std::string_view element);
// A sibling of a description that was asked for with blobs=true: "rfilename", "blobId", and the
// digest of an LFS file as "sha256".
Result<TreeItem> read_sibling(std::string_view element);

// What a listing says in place of an LFS pointer that it was not told: it follows from the file.
void complete_pointer(TreeItem& item);

void append_tree_item(std::string& out, const TreeItem& item);
// With `blobs` as read_sibling() reads it, else with its name alone.
void append_sibling(std::string& out, const TreeItem& item, bool blobs);

// huggingface_hub 1.22 and later keep a listing for ever, unless an item has a Xet hash that is
// none; then they download each file by itself (its _tree_cache.py). For listings that lack files.
inline constexpr std::string_view not_a_xet_hash = "incomplete";

// The description of a repo with other siblings: the text of a JSON array.
std::string with_siblings(std::string_view checked_info, std::string_view siblings);
// Those fields of a description and the ones that name the repo, as expand= asks for them; nothing
// when it lacks one of them.
std::optional<std::string> with_only(std::string_view checked_info,
                                     const std::vector<std::string>& fields);
// What must be there for huggingface_hub to read a description of which nothing is known.
std::string unknown_info(std::string_view repo, std::string_view commit, std::string_view siblings);

}  // namespace hubkeep
