#pragma once
// LruMap: a map from text whose entries cost something, and which forgets those that were not used
// for longest when all of them cost more than its limit. One thread at a time.

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace hubkeep {

template <typename Value>
class LruMap {
  public:
    explicit LruMap(std::size_t limit) : limit_(limit) {}
    LruMap(const LruMap&) = delete;
    LruMap& operator=(const LruMap&) = delete;

    // Null when there is none; counts as a use. Good until the next put().
    Value* find(std::string_view key) {
        const auto found = places_.find(key);
        if (found == places_.end()) return nullptr;
        entries_.splice(entries_.begin(), entries_, found->second);
        return &found->second->value;
    }

    // In place of what is there. What costs more than the limit is not kept.
    void put(std::string_view key, Value value, std::size_t cost) {
        erase(key);
        if (cost > limit_) return;
        entries_.push_front({std::string(key), std::move(value), cost});
        places_.emplace(entries_.front().key, entries_.begin());
        cost_ += cost;
        while (cost_ > limit_) erase(entries_.back().key);
    }

    void erase(std::string_view key) {
        const auto found = places_.find(key);
        if (found == places_.end()) return;
        const auto entry = found->second;
        places_.erase(found);
        cost_ -= entry->cost;
        entries_.erase(entry);
    }

    std::size_t size() const { return entries_.size(); }
    std::size_t cost() const { return cost_; }

  private:
    struct Entry {
        std::string key;
        Value value;
        std::size_t cost;
    };
    std::list<Entry> entries_;  // the latest use first
    std::unordered_map<std::string_view, typename std::list<Entry>::iterator> places_;
    const std::size_t limit_;
    std::size_t cost_ = 0;
};

}  // namespace hubkeep
