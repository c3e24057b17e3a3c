#include "server/proxy/trees.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <set>

#include "server/hub/json_text.hpp"
#include "server/hub/listing.hpp"
#include "server/hub/names.hpp"
#include "server/hub/query.hpp"
#include "server/proxy/revisions.hpp"

namespace hubkeep {
namespace {

// Some 2 ms of reading.
constexpr std::size_t items_per_slice = 512;

using ReadItem = Result<TreeItem> (*)(std::string_view);

PathEntry entry_of(TreeItem item) {
    EntryRow row{.kind = item.is_folder ? EntryKind::folder : EntryKind::file, .size = item.size};
    if (item.is_folder) {
        row.oid = item.oid;
    } else if (item.lfs) {
        row.blob = item.lfs;
        row.oid = item.oid;
        row.pointer_size = item.pointer_size;
    } else {
        row.blob = item.oid;
    }
    row.xet_hash = std::move(item.xet_hash);
    row.xet_told = item.xet_told;
    return {std::move(item.path), std::move(row)};
}

// The folders of a path from the outermost on, without the root.
template <typename Visit>
void for_each_folder(std::string_view path, Visit visit) {
    for (auto slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
        visit(path.substr(0, slash));
    }
}

// Entries and, each once, the folders in which they lie.
class Collected {
  public:
    void add(PathEntry entry) {
        for_each_folder(entry.path, [&](std::string_view folder) { add_folder(folder); });
        entries_.push_back(std::move(entry));
    }
    void add_folder(std::string_view folder) {
        if (!folders_.emplace(folder).second) return;
        entries_.push_back({std::string(folder), {.kind = EntryKind::folder}});
    }
    std::vector<PathEntry> take() { return std::move(entries_); }

  private:
    std::vector<PathEntry> entries_;
    std::set<std::string, std::less<>> folders_;
};

Result<TreeItem> read_item_of_mirror(std::string_view element) {
    auto item = read_tree_item(element);
    if (item) item->xet_told = false;
    return item;
}

ReadItem reader_of(const Passed& passed) {
    return passed.by_mirror ? read_item_of_mirror : read_tree_item;
}

// False when an element is none of the items that were expected. Nobody else refers to `into`.
Task<bool> collect(std::string_view array, ReadItem read, std::string below, Collected& into,
                   std::set<std::string>* told) {
    JsonElements elements(array);
    std::size_t count = 0;
    while (const auto element = elements.next()) {
        auto item = read(*element);
        if (!item || !item->path.starts_with(below)) co_return false;
        if (told != nullptr) told->insert(item->path);
        into.add(entry_of(std::move(*item)));
        if (++count % items_per_slice == 0) co_await give_way();
    }
    co_return true;
}

bool is_array(std::string_view json) {
    const auto begin = json.find_first_not_of(" \t\r\n");
    return begin != std::string_view::npos && json[begin] == '[' && check_json(json);
}

EntryRow absent() {
    return {.kind = EntryKind::absent};
}

}  // namespace

Task<void> give_way() {
    const Executor executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, UseTask{});
}

bool TreeQuestion::deep() const {
    return query_flag(query, "recursive");
}

std::vector<PathEntry> with_folders(std::string path, EntryRow row) {
    Collected collected;
    collected.add({std::move(path), std::move(row)});
    return collected.take();
}

TreeItem item_of(const PathEntry& entry) {
    const auto& row = entry.row;
    TreeItem item{.path = entry.path,
                  .is_folder = row.kind == EntryKind::folder,
                  .size = row.size,
                  .oid = row.oid,
                  .pointer_size = row.pointer_size,
                  .xet_hash = row.xet_hash};
    if (row.blob && row.blob->kind == DigestKind::sha256) item.lfs = row.blob;
    else if (row.blob) item.oid = row.blob;
    complete_pointer(item);
    return item;
}

std::optional<EntryRow> Trees::file(IndexReader& reader, const Scope& scope,
                                    std::string_view commit, std::string_view path) const {
    auto row = reader.entry(scope, commit, path);
    if (row && row->opened) {
        return row->kind == EntryKind::folder ? absent() : std::move(row);
    }
    // Everybody may list a gated repo; who may not open it has to hear that from the Hub.
    const auto repo = reader.repo(scope);
    const bool open = repo.opened || repo.gated == false;
    if (!open) return std::nullopt;
    if (!row) row = item(reader, scope, commit, path);
    if (row && row->kind == EntryKind::folder) return absent();
    return row;
}

std::optional<EntryRow> Trees::item(IndexReader& reader, const Scope& scope,
                                    std::string_view commit, std::string_view path) const {
    auto row = reader.entry(scope, commit, path);
    // What resolve does not find may still be a folder.
    const bool may_be_folder = row && row->absent() && row->opened;
    if (row && !may_be_folder) return row;
    std::string_view folder;
    for (;;) {
        if (reader.is_complete(scope, commit, folder, true)) return absent();
        const auto slash = path.find('/', folder.empty() ? 0 : folder.size() + 1);
        if (slash == std::string_view::npos) break;
        const auto child = path.substr(0, slash);
        const auto known = reader.entry(scope, commit, child);
        if (known && known->kind == EntryKind::file) return absent();
        const bool listed = reader.is_complete(scope, commit, folder, false);
        if (listed && (!known || known->kind != EntryKind::folder)) return absent();
        folder = child;
    }
    if (reader.is_complete(scope, commit, folder, false)) return absent();
    return std::nullopt;
}

bool Trees::covers(IndexReader& reader, const Scope& scope, std::string_view commit,
                   std::string_view folder, bool deep) const {
    if (!deep && reader.is_complete(scope, commit, folder, false)) return true;
    bool covered = reader.is_complete(scope, commit, "", true);
    const auto look = [&](std::string_view one) {
        covered = covered || reader.is_complete(scope, commit, one, true);
    };
    for_each_folder(folder, look);
    if (!folder.empty()) look(folder);
    return covered;
}

Task<std::vector<IndexWrite>> Trees::from_page(TreeQuestion question, Passed passed) {
    std::vector<IndexWrite> writes;
    if (!is_array(passed.body)) co_return writes;
    Collected collected;
    const auto& folder = question.folder;
    const auto below = folder.empty() ? std::string() : folder + '/';
    const bool understood =
        co_await collect(passed.body, reader_of(passed), below, collected, nullptr);
    if (!understood) co_return writes;
    auto entries = collected.take();
    const auto now = unix_now();
    writes.push_back(PutEntries{passed.scope, question.commit, std::move(entries), now});
    if (passed.has_next && passed.link.empty()) co_return writes;
    const auto mark = passed.link.find('?');
    const auto next = mark == std::string::npos
                          ? std::string()
                          : normalised_query(passed.link.substr(mark + 1), tree_parameters);
    writes.push_back(PutTreePage{.scope = passed.scope,
                                 .commit = question.commit,
                                 .folder = folder,
                                 .deep = question.deep(),
                                 .first = !query_value(question.query, "cursor"),
                                 .page = question.query,
                                 .next = next,
                                 .at = now});
    co_return writes;
}

Task<std::vector<IndexWrite>> Trees::from_paths(std::string commit, std::vector<std::string> asked,
                                                Passed passed) {
    std::vector<IndexWrite> writes;
    if (!is_array(passed.body)) co_return writes;
    Collected collected;
    std::set<std::string> told;
    const bool understood = co_await collect(passed.body, reader_of(passed), "", collected, &told);
    if (!understood) co_return writes;
    auto entries = collected.take();
    // The Hub leaves out what is not there.
    for (auto& path : asked) {
        if (!told.contains(path)) entries.push_back({std::move(path), absent()});
    }
    writes.push_back(PutEntries{passed.scope, std::move(commit), std::move(entries), unix_now()});
    co_return writes;
}

Task<std::vector<IndexWrite>> Trees::from_info(Passed passed) {
    std::vector<IndexWrite> writes;
    const auto facts = facts_of_info(passed.body);
    if (!facts) co_return writes;
    if (facts->gated) {
        // Of a disabled repo, too, everybody may have the listing, and the Hub refuses the files.
        const bool closed = *facts->gated || facts->disabled.value_or(false);
        writes.push_back(PutGated{passed.scope, closed});
    }
    const auto siblings = member_text(passed.body, "siblings");
    if (!siblings || !is_commit(facts->sha)) co_return writes;
    Collected collected;
    // Without blobs=true the first of them tells no more than its name.
    const bool understood = co_await collect(*siblings, read_sibling, "", collected, nullptr);
    auto entries = collected.take();
    if (!understood || entries.empty()) co_return writes;
    writes.push_back(PutEntries{passed.scope, facts->sha, std::move(entries), unix_now()});
    co_return writes;
}

}  // namespace hubkeep
