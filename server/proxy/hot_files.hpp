#pragma once
// HotFiles: answers about files that are asked for again and again, in memory: the fields of the
// answer as text, and the content of small files. Bounded in bytes; what was not used for longest
// leaves. Nothing here is served without looking whether it is still true. One per io thread, used
// on that thread alone.
//
// What it remembers is what the cache says to somebody who has passed the gate (access.hpp) and
// belongs to a group of clients (Scope::access): whoever uses it sends each request there first.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/lru_map.hpp"
#include "server/hub/route.hpp"
#include "server/proxy/resolve.hpp"

namespace hubkeep {

// One file as it is answered to one group of clients under one target.
struct HotFile {
    std::string access;
    StaysTrue stays_true;
    FileMetadata file;
    std::string fields;    // ResponseHead::composed
    std::string location;  // the target of the same file at its commit, "" when that was asked for
    // Nothing when the file is large, or was not read yet.
    std::shared_ptr<const std::string> content;
    Changes::Mark presence;       // of the blob that the content is from
    std::int64_t touched_at = 0;  // when the store was last told of a use; seconds since 1970
};

struct HotTarget {
    Route route;
    std::vector<std::shared_ptr<HotFile>> files;  // of different groups

    HotFile* find(std::string_view access) const;
};

class HotFiles {
  public:
    static constexpr std::size_t max_content_bytes = 32 * 1024;

    explicit HotFiles(std::size_t max_bytes) : targets_(max_bytes) {}

    // Null when the target is not known; `target` is that of the request line.
    std::shared_ptr<const HotTarget> find(std::string_view target);
    // In place of what is there for the target and the group.
    void put(std::string_view target, const Route& route, std::shared_ptr<HotFile> file);
    // Adds the content to what is there; nothing happens when that is another file by now.
    void add_content(std::string_view target, std::string_view access, const Digest& blob,
                     std::string_view content, Changes::Mark presence);

    std::size_t bytes() const { return targets_.cost(); }

  private:
    LruMap<std::shared_ptr<const HotTarget>> targets_;
};

}  // namespace hubkeep
