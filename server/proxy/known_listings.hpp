#pragma once
// KnownListings: answers to questions for trees, entries and descriptions from what Trees knows, so
// that the Hub need not be asked, or cannot be. What lacks entries says so in its warning; a path
// of which nothing is known is never left out silently. Xet hashes are told where the repo's are
// served. Pages are built in slices. One for the process; any io thread.

#include <optional>
#include <string>
#include <vector>

#include "server/hub/names.hpp"
#include "server/hub/tree.hpp"
#include "server/net/io_threads.hpp"
#include "server/proxy/documents.hpp"
#include "server/proxy/trees.hpp"

namespace hubkeep {

class KnownListings {
  public:
    // Larger files than `largest_over_xet` bytes have no Xet hash.
    KnownListings(const Settings& settings, std::uint64_t largest_over_xet, Index& index,
                  Trees& trees)
        : settings_(settings), largest_over_xet_(largest_over_xet), index_(index), trees_(trees) {}

    // `repo` is the name under which the next page will be asked for. `keeps_trees`: the client
    // would believe a listing for ever (see not_a_xet_hash).
    struct TreeRequest {
        TreeQuestion question;
        RepoId repo;
        bool keeps_trees = false;
    };
    // From a listing that was followed to its end; nothing when there is none.
    Task<std::optional<Document>> tree(IoThread& thread, TreeRequest request);
    // What is known of the folder, if anything, with a warning that ends in `why`.
    Task<std::optional<Document>> part_of_tree(IoThread& thread, TreeRequest request,
                                               std::string why);

    struct Paths {
        std::vector<std::string> items;  // JSON objects
        std::vector<std::string> unknown;
    };
    Paths paths(IoThread& thread, const Scope& scope, const std::string& commit,
                const std::vector<std::string>& asked);

    // A description with blobs from the plain one; nothing without the whole tree of its commit.
    Task<std::optional<std::string>> with_blobs(IoThread& thread, Scope scope, ListingRow info);
    // A description made of known files; nothing when there are none.
    Task<std::optional<Document>> part_of_info(IoThread& thread, Scope scope, std::string commit,
                                               bool blobs, std::string why);

    // A cursor of ours, which no other Hub understands.
    static bool is_own_cursor(std::string_view cursor);

  private:
    struct Siblings {
        std::string text;  // a JSON array
        std::size_t count = 0;
        bool whole = false;  // all that is known fits in
    };
    Task<Document> page(IoThread& thread, TreeRequest request, bool incomplete);
    Task<Siblings> siblings(IoThread& thread, Scope scope, std::string commit, bool blobs);

    TreeItem shown(const PathEntry& entry, bool with_xet) const;

    const Settings& settings_;
    const std::uint64_t largest_over_xet_;
    Index& index_;
    Trees& trees_;
};

// One JSON array of the texts of its elements.
std::string json_array(const std::vector<std::string>& elements);

}  // namespace hubkeep
