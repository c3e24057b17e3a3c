#include "server/cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hubkeep {
namespace {

std::string_view shown(const std::string& cell) {
    return cell.empty() ? std::string_view("-") : cell;
}

}  // namespace

void print_table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            widths[i] = std::max(widths[i], shown(row[i]).size() + 2);
        }
    }
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += fmt::format("{:<{}}", shown(row[i]), widths[i]);
        }
        fmt::print("{}\n", line);
    }
}

}  // namespace hubkeep
