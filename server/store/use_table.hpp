#pragma once
// UseTable: who has a blob or its partial in hand right now. Either any number of users (readers,
// and the one transfer that fills the partial), or one who has the digest alone, to evict or to
// repair. That makes the two exclusive: what is read or filled never leaves, and a file that is on
// its way out is not there for anybody. The row of a digest is written only by its transfer or by
// who has it alone. Also keeps times of use until somebody writes them down. Any thread; handles
// may outlive it.

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/changes.hpp"
#include "common/digest.hpp"
#include "server/store/blob_store.hpp"

namespace hubkeep {

class UseTable {
    struct Shard {
        std::mutex mutex;  // guards the rest
        std::condition_variable released;
        std::unordered_map<Digest, int, DigestHash> holders;  // number of users, or `alone`
        std::unordered_map<Digest, std::int64_t, DigestHash> touched;
    };
    static constexpr std::size_t shard_count = 16;
    using Shards = std::array<Shard, shard_count>;
    class User;

  public:
    class Alone {
      public:
        Alone(Alone&&) = default;
        Alone& operator=(Alone&&) = delete;
        ~Alone();

      private:
        friend class UseTable;
        Alone(std::shared_ptr<Shards> shards, const Digest& digest)
            : shards_(std::move(shards)), digest_(digest) {}
        std::shared_ptr<Shards> shards_;
        Digest digest_;
    };

    // Nothing while somebody has the digest alone.
    std::unique_ptr<InUse> try_use(const Digest& digest);
    // Waits for that one; blocking.
    std::unique_ptr<InUse> use(const Digest& digest);
    // Nothing while anybody uses it.
    std::optional<Alone> try_alone(const Digest& digest);

    // Taken before the digest is used, it holds until somebody has it alone.
    Changes::Mark presence(const Digest& digest) const {
        return departures_.mark(DigestHash()(digest));
    }

    void touch(const Digest& digest, std::int64_t at);
    bool was_touched(const Digest& digest) const;
    // The earliest time that is kept; nothing when none is.
    std::optional<std::int64_t> first_touch() const;
    // Some times of use would soon be lost.
    bool is_filling_up() const;
    // In the order of the digests, which is that of the rows to change.
    std::vector<std::pair<Digest, std::int64_t>> take_touched();

  private:
    static Shard& shard_of(Shards& shards, const Digest& digest);
    std::shared_ptr<Shards> shards_ = std::make_shared<Shards>();
    Changes departures_;
};

}  // namespace hubkeep
