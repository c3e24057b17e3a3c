#pragma once
// Trees: what is known of the entries of a commit, from listings that passed and from files that
// were fetched, and what a passing listing adds to it. A commit never changes, so nothing here ever
// ages. "Absent" is said only when the Hub said it, or when a listing that was followed to its end
// has no such path. Holds no state but the index; any io thread, with that thread's reader.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/task.hpp"
#include "server/hub/tree.hpp"
#include "server/store/index.hpp"

namespace hubkeep {

// An answer of the Hub before anything is taken out of it. Views last until the teacher is done.
struct Passed {
    Scope scope;
    std::string_view body;
    std::string link;  // target of the next page, "" when there is none or it is not the Hub's
    bool has_next = false;
    bool by_mirror = false;  // which may leave Xet hashes out
};
// What an answer adds to the index; nothing when it cannot be understood.
using Teacher = std::function<Task<std::vector<IndexWrite>>(Passed)>;

// A question for the tree of a folder at a commit; `query` as normalised_query() writes it.
struct TreeQuestion {
    Scope scope;
    std::string commit;
    std::string folder;  // "" is the root
    std::string query;
    bool deep() const;
};

class Trees {
  public:
    // What resolve answers for a path: a file, or absent (a folder is no file); nothing when the
    // Hub has to be asked, because nobody told or because its files may not be open to this scope.
    std::optional<EntryRow> file(IndexReader& reader, const Scope& scope, std::string_view commit,
                                 std::string_view path) const;
    // The file or folder at a path; absent when there surely is neither.
    std::optional<EntryRow> item(IndexReader& reader, const Scope& scope, std::string_view commit,
                                 std::string_view path) const;
    // True when every entry of the folder (deep: below it) has a row.
    bool covers(IndexReader& reader, const Scope& scope, std::string_view commit,
                std::string_view folder, bool deep) const;

    // Teachers.
    static Task<std::vector<IndexWrite>> from_page(TreeQuestion question, Passed passed);
    static Task<std::vector<IndexWrite>> from_paths(std::string commit,
                                                    std::vector<std::string> asked, Passed passed);
    static Task<std::vector<IndexWrite>> from_info(Passed passed);
};

// The entry, and the folders in which it lies.
std::vector<PathEntry> with_folders(std::string path, EntryRow row);
TreeItem item_of(const PathEntry& entry);
// Lets other tasks of the thread run, so that long work holds nobody up.
Task<void> give_way();

}  // namespace hubkeep
