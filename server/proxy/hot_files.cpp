#include "server/proxy/hot_files.hpp"

#include <algorithm>

namespace hubkeep {
namespace {

// Of one target: beyond that the group that came first gives way.
constexpr std::size_t max_groups = 8;
// What the allocator, the map and the list take beside the texts.
constexpr std::size_t overhead_bytes = 512;

std::size_t cost_of(std::string_view target, const HotTarget& hot) {
    const auto& route = hot.route;
    std::size_t cost = sizeof(HotTarget) + overhead_bytes + target.size() + route.path.size() +
                       route.encoded_path.size() + route.query.size() + route.repo.name.size();
    for (const auto& file : hot.files) {
        cost += sizeof(HotFile) + overhead_bytes + file->fields.size() + file->location.size();
        if (file->content) cost += file->content->size();
    }
    return cost;
}

}  // namespace

HotFile* HotTarget::find(std::string_view access) const {
    const auto found = std::ranges::find_if(
        files, [&](const std::shared_ptr<HotFile>& file) { return file->access == access; });
    return found == files.end() ? nullptr : found->get();
}

std::shared_ptr<const HotTarget> HotFiles::find(std::string_view target) {
    const auto* const found = targets_.find(target);
    return found != nullptr ? *found : nullptr;
}

void HotFiles::put(std::string_view target, const Route& route, std::shared_ptr<HotFile> file) {
    const auto before = find(target);
    auto hot = std::make_shared<HotTarget>(HotTarget{route, {}});
    if (before) hot->files = before->files;
    std::erase_if(hot->files, [&](const auto& other) { return other->access == file->access; });
    if (hot->files.size() == max_groups) hot->files.erase(hot->files.begin());
    hot->files.push_back(std::move(file));
    const auto cost = cost_of(target, *hot);
    targets_.put(target, std::move(hot), cost);
}

void HotFiles::add_content(std::string_view target, std::string_view access, const Digest& blob,
                           std::string_view content, Changes::Mark presence) {
    const auto hot = find(target);
    auto* const file = hot ? hot->find(access) : nullptr;
    if (file == nullptr || file->file.blob != blob || content.size() != file->file.size) return;
    file->content = std::make_shared<const std::string>(content);
    file->presence = presence;
    targets_.put(target, hot, cost_of(target, *hot));
}

}  // namespace hubkeep
