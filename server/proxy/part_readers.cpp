#include "server/proxy/part_readers.hpp"

namespace hubkeep {
namespace {

std::string key_of(const PartReader& reader, const Digest& blob) {
    return reader.id + blob.hex();
}

}  // namespace

ByteCounter PartReaders::asks(const PartReader& reader, const Digest& blob, ByteRange range) {
    const auto key = key_of(reader, blob);
    const std::lock_guard lock(mutex_);
    auto* reading = readings_.find(key);
    if (reading == nullptr) {
        readings_.put(key, {{}, std::make_shared<std::atomic<std::uint64_t>>(0)}, 1);
        reading = readings_.find(key);
    }
    if (!range.empty()) reading->asked.add(range);
    return reading->upstream;
}

bool PartReaders::has_asked_for_all(const PartReader& reader, const Digest& blob,
                                    std::uint64_t size) {
    if (reader.since < started_at_) return true;
    const std::lock_guard lock(mutex_);
    const auto* const reading = readings_.find(key_of(reader, blob));
    return reading != nullptr && reading->asked.total() == size;
}

}  // namespace hubkeep
