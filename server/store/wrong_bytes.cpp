#include "server/store/wrong_bytes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "common/private_file.hpp"

namespace hubkeep {
namespace {

constexpr std::size_t most_bytes_of_a_line = 128;

}  // namespace

WrongBytes::WrongBytes(fs::path file) : file_(std::move(file)) {
    const auto text = read_small_file(file_, max_remembered * most_bytes_of_a_line);
    if (!text) return;
    std::istringstream lines(*text);
    std::string hex;
    Finding finding;
    while (lines >> hex >> finding.times >> finding.at) {
        const auto digest = Digest::parse(hex);
        if (digest && findings_.size() < max_remembered) findings_[*digest] = finding;
    }
}

WrongBytes::Finding WrongBytes::of(const Digest& digest) const {
    const std::lock_guard lock(mutex_);
    const auto found = findings_.find(digest);
    return found == findings_.end() ? Finding() : found->second;
}

Result<void> WrongBytes::note(const Digest& digest, std::int64_t at) {
    const std::lock_guard lock(mutex_);
    auto& finding = findings_[digest];
    finding = {finding.times + 1, at};
    if (findings_.size() > max_remembered) {
        const auto age = [](const auto& one) { return one.second.at; };
        findings_.erase(std::ranges::min_element(findings_, {}, age));
    }
    return write_private_file(file_, lines());
}

std::string WrongBytes::lines() const {
    std::string text;
    for (const auto& [digest, finding] : findings_) {
        text += fmt::format("{} {} {}\n", digest.hex(), finding.times, finding.at);
    }
    return text;
}

}  // namespace hubkeep
