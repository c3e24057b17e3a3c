#include "server/proxy/part_readers.hpp"

namespace hubkeep {
namespace {

std::string key_of(const PartReader& reader, const Digest& blob) {
    return reader.id + blob.hex();
}

}  // namespace

PartReaders::Reading& PartReaders::reading_of(const PartReader& reader, const Digest& blob) {
    const auto key = key_of(reader, blob);
    if (auto* const known = readings_.find(key)) return *known;
    readings_.put(key, {.upstream = std::make_shared<std::atomic<std::uint64_t>>(0)}, 1);
    return *readings_.find(key);
}

bool PartReaders::may_plan(const PartReader& reader, const Digest& blob, std::uint64_t from,
                           const WrongBytes::Finding& wrong) {
    const std::lock_guard lock(mutex_);
    auto& reading = reading_of(reader, blob);
    const bool in_vain = reading.wrong_times ? *reading.wrong_times != wrong.times
                                             : wrong.times > 0 && wrong.at >= reader.since;
    if (in_vain && from > 0) return false;
    if (in_vain) reading.asked = {};
    reading.wrong_times = wrong.times;
    return true;
}

ByteCounter PartReaders::asks(const PartReader& reader, const Digest& blob, ByteRange range) {
    const std::lock_guard lock(mutex_);
    auto& reading = reading_of(reader, blob);
    const auto begin = range.begin / step_bytes * step_bytes;
    const auto end = (range.end + step_bytes - 1) / step_bytes * step_bytes;
    if (!range.empty()) reading.asked.add({begin, end});
    return reading.upstream;
}

bool PartReaders::has_asked_for_all(const PartReader& reader, const Digest& blob,
                                    std::uint64_t size, bool something_was_left) {
    if (something_was_left && reader.since < started_at_) return true;
    const std::lock_guard lock(mutex_);
    const auto* const reading = readings_.find(key_of(reader, blob));
    return reading != nullptr && reading->asked.total() >= size;
}

}  // namespace hubkeep
