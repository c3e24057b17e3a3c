#include "server/proxy/known_listings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "server/hub/json_text.hpp"
#include "server/hub/query.hpp"
#include "server/hub/targets.hpp"
#include "server/proxy/xet_mode.hpp"

namespace hubkeep {
namespace {

// llama.cpp reads the first page only, so a page is as long as a client can take.
constexpr std::size_t max_page = 10'000;
// Some 2 ms of reading and writing.
constexpr std::size_t rows_per_slice = 256;
constexpr std::string_view own_cursor = "hubkeep:";

std::size_t page_size(std::string_view query) {
    const auto text = query_value(query, "limit").value_or("");
    std::size_t limit = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    return is_number && limit > 0 ? std::min(limit, max_page) : max_page;
}

std::string after_cursor(std::string_view query) {
    const auto cursor = query_value(query, "cursor").value_or("");
    return KnownListings::is_own_cursor(cursor) ? cursor.substr(own_cursor.size()) : "";
}

std::string next_page(const TreeQuestion& question, const RepoId& repo, const std::string& last) {
    std::string query = question.deep() ? "recursive=true&" : "";
    if (const auto limit = query_value(question.query, "limit")) {
        query += "limit=" + percent_encode_segment(*limit) + '&';
    }
    query += "cursor=" + percent_encode_segment(std::string(own_cursor) + last);
    return tree_target(repo, question.commit, question.folder, query);
}

Document document_of(std::string body, const std::string& commit) {
    Document document;
    document.row.content_type = "application/json; charset=utf-8";
    document.row.body = std::move(body);
    document.row.commit = commit;
    return document;
}

Document not_there(const std::string& commit) {
    Document document;
    const auto error = entry_not_found();
    document.row.status = error.status;
    document.row.error_code = error.code;
    document.row.error_message = error.message;
    document.row.commit = commit;
    return document;
}

std::string incomplete(std::string_view why) {
    return fmt::format("incomplete: only what was fetched before is listed; {}", why);
}

}  // namespace

TreeItem KnownListings::shown(const PathEntry& entry, bool with_xet) const {
    auto item = item_of(entry);
    if (!with_xet || item.size > largest_over_xet_) item.xet_hash.clear();
    return item;
}

std::string json_array(const std::vector<std::string>& elements) {
    return fmt::format("[{}]", fmt::join(elements, ","));
}

bool KnownListings::is_own_cursor(std::string_view cursor) {
    return cursor.starts_with(own_cursor);
}

Task<Document> KnownListings::page(IoThread& thread, TreeRequest request, bool incomplete) {
    const auto& question = request.question;
    auto& reader = index_.reader(thread.number());
    const bool with_xet = serves_xet(settings_, question.scope);
    const auto limit = page_size(question.query);
    auto after = after_cursor(question.query);
    std::string body = "[";
    std::size_t count = 0;
    struct Written {
        std::size_t begin = 0;
        std::size_t size = 0;
        TreeItem item;
    };
    std::optional<Written> last_file;
    bool more = true;
    while (more && count < limit) {
        const auto wanted = std::min(rows_per_slice, limit - count);
        // One row more tells whether there is a next page.
        const auto rows = reader.entries(question.scope, question.commit, question.folder,
                                         question.deep(), after, wanted + 1);
        more = rows.size() > wanted;
        for (std::size_t i = 0; i < std::min(rows.size(), wanted); ++i) {
            if (body.size() > 1) body += ',';
            auto item = shown(rows[i], with_xet);
            const auto begin = body.size();
            append_tree_item(body, item);
            after = item.path;
            ++count;
            if (!item.is_folder) last_file = Written{begin, body.size() - begin, std::move(item)};
        }
        co_await give_way();
    }
    if (incomplete && request.keeps_trees && last_file) {
        last_file->item.xet_hash = not_a_xet_hash;
        std::string marked;
        append_tree_item(marked, last_file->item);
        body.replace(last_file->begin, last_file->size, marked);
    }
    auto document = document_of(body + ']', question.commit);
    if (more) document.row.link = next_page(question, request.repo, after);
    co_return document;
}

Task<std::optional<Document>> KnownListings::tree(IoThread& thread, TreeRequest request) {
    const auto& [scope, commit, folder, query] = request.question;
    auto& reader = index_.reader(thread.number());
    if (!folder.empty()) {
        const auto item = trees_.item(reader, scope, commit, folder);
        if (item && item->kind != EntryKind::folder) co_return not_there(commit);
    }
    if (!trees_.covers(reader, scope, commit, folder, request.question.deep()))
        co_return std::nullopt;
    auto document = co_await page(thread, std::move(request), false);
    co_return document;
}

Task<std::optional<Document>> KnownListings::part_of_tree(IoThread& thread, TreeRequest request,
                                                          std::string why) {
    const auto& question = request.question;
    auto& reader = index_.reader(thread.number());
    const auto any = reader.entries(question.scope, question.commit, question.folder, true, "", 1);
    if (any.empty()) co_return std::nullopt;
    auto document = co_await page(thread, std::move(request), true);
    document.verdict = Verdict::stale;
    document.warning = incomplete(why);
    co_return document;
}

KnownListings::Paths KnownListings::paths(IoThread& thread, const Scope& scope,
                                          const std::string& commit,
                                          const std::vector<std::string>& asked) {
    Paths found;
    const bool with_xet = serves_xet(settings_, scope);
    auto& reader = index_.reader(thread.number());
    for (const auto& path : asked) {
        const auto row = trees_.item(reader, scope, commit, path);
        const bool nameless = row && row->kind == EntryKind::folder && !row->oid;
        if (!row || nameless) found.unknown.push_back(path);
        else if (!row->absent())
            append_tree_item(found.items.emplace_back(), shown({path, *row}, with_xet));
    }
    return found;
}

Task<KnownListings::Siblings> KnownListings::siblings(IoThread& thread, Scope scope,
                                                      std::string commit, bool blobs) {
    auto& reader = index_.reader(thread.number());
    Siblings found{.text = "["};
    std::string after;
    while (found.text.size() < max_json_size) {
        const auto rows = reader.entries(scope, commit, "", true, after, rows_per_slice);
        for (const auto& row : rows) {
            if (row.row.kind != EntryKind::file) continue;
            if (found.count++ > 0) found.text += ',';
            append_sibling(found.text, item_of(row), blobs);
        }
        found.whole = rows.size() < rows_per_slice;
        if (found.whole) break;
        after = rows.back().path;
        co_await give_way();
    }
    found.text += ']';
    co_return found;
}

Task<std::optional<std::string>> KnownListings::with_blobs(IoThread& thread, Scope scope,
                                                           ListingRow info) {
    auto& reader = index_.reader(thread.number());
    if (!trees_.covers(reader, scope, info.commit, "", true)) co_return std::nullopt;
    const auto all = co_await siblings(thread, std::move(scope), info.commit, true);
    if (!all.whole) co_return std::nullopt;
    co_return with_siblings(info.body, all.text);
}

Task<std::optional<Document>> KnownListings::part_of_info(IoThread& thread, Scope scope,
                                                          std::string commit, bool blobs,
                                                          std::string why) {
    const auto known = co_await siblings(thread, scope, commit, blobs);
    if (known.count == 0) co_return std::nullopt;
    auto document = document_of(unknown_info(scope.name, commit, known.text), commit);
    document.verdict = Verdict::stale;
    document.warning = incomplete(why);
    co_return document;
}

}  // namespace hubkeep
