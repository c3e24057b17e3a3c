#include "server/store/use_table.hpp"

#include <algorithm>

#include "common/check.hpp"

namespace hubkeep {
namespace {

constexpr int alone = -1;
// Per shard. Times beyond that are lost until the others are written down, which harms no blob.
constexpr std::size_t max_touched = 1024;

}  // namespace

class UseTable::User : public InUse {
  public:
    User(std::shared_ptr<Shards> shards, const Digest& digest)
        : shards_(std::move(shards)), digest_(digest) {}
    ~User() override {
        auto& shard = shard_of(*shards_, digest_);
        const std::lock_guard lock(shard.mutex);
        const auto found = shard.holders.find(digest_);
        CHECK(found != shard.holders.end() && found->second > 0);
        if (--found->second == 0) shard.holders.erase(found);
    }

  private:
    const std::shared_ptr<Shards> shards_;
    const Digest digest_;
};

UseTable::Shard& UseTable::shard_of(Shards& shards, const Digest& digest) {
    return shards[digest.bytes[1] % shard_count];
}

UseTable::Alone::~Alone() {
    if (!shards_) return;
    auto& shard = shard_of(*shards_, digest_);
    {
        const std::lock_guard lock(shard.mutex);
        CHECK(shard.holders.erase(digest_) == 1);
    }
    shard.released.notify_all();
}

std::unique_ptr<InUse> UseTable::try_use(const Digest& digest) {
    auto& shard = shard_of(*shards_, digest);
    const std::lock_guard lock(shard.mutex);
    auto& holders = shard.holders[digest];
    if (holders == alone) return nullptr;
    ++holders;
    return std::make_unique<User>(shards_, digest);
}

std::unique_ptr<InUse> UseTable::use(const Digest& digest) {
    auto& shard = shard_of(*shards_, digest);
    std::unique_lock lock(shard.mutex);
    shard.released.wait(lock, [&] {
        const auto found = shard.holders.find(digest);
        return found == shard.holders.end() || found->second != alone;
    });
    ++shard.holders[digest];
    return std::make_unique<User>(shards_, digest);
}

std::optional<UseTable::Alone> UseTable::try_alone(const Digest& digest) {
    auto& shard = shard_of(*shards_, digest);
    const std::lock_guard lock(shard.mutex);
    if (!shard.holders.emplace(digest, alone).second) return std::nullopt;
    departures_.announce(DigestHash()(digest));
    return Alone(shards_, digest);
}

void UseTable::touch(const Digest& digest, std::int64_t at) {
    auto& shard = shard_of(*shards_, digest);
    const std::lock_guard lock(shard.mutex);
    if (shard.touched.size() < max_touched) shard.touched[digest] = at;
}

bool UseTable::was_touched(const Digest& digest) const {
    auto& shard = shard_of(*shards_, digest);
    const std::lock_guard lock(shard.mutex);
    return shard.touched.contains(digest);
}

std::optional<std::int64_t> UseTable::first_touch() const {
    std::optional<std::int64_t> first;
    for (auto& shard : *shards_) {
        const std::lock_guard lock(shard.mutex);
        for (const auto& [digest, at] : shard.touched) first = std::min(first.value_or(at), at);
    }
    return first;
}

bool UseTable::is_filling_up() const {
    return std::ranges::any_of(*shards_, [](Shard& shard) {
        const std::lock_guard lock(shard.mutex);
        return shard.touched.size() > max_touched / 2;
    });
}

std::vector<std::pair<Digest, std::int64_t>> UseTable::take_touched() {
    std::vector<std::pair<Digest, std::int64_t>> all;
    for (auto& shard : *shards_) {
        const std::lock_guard lock(shard.mutex);
        all.insert(all.end(), shard.touched.begin(), shard.touched.end());
        shard.touched.clear();
    }
    std::ranges::sort(all);
    return all;
}

}  // namespace hubkeep
