#include "table.h"

#include <algorithm>

namespace kwire::tools {
namespace {

bool is_number(const std::string& cell) {
    return cell == "-" ||
           (!cell.empty() && cell.find_first_not_of("0123456789,.-") == std::string::npos);
}

}  // namespace

void Table::append_to(std::string& out) const {
    const std::size_t columns = rows_.front().size();
    std::vector<std::size_t> widths(columns, 0);
    std::vector<bool> numbers(columns, rows_.size() > 1);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            widths[c] = std::max(widths[c], rows_[r][c].size());
            if (r > 0 && !is_number(rows_[r][c])) numbers[c] = false;
        }
    }
    for (const auto& row : rows_) {
        for (std::size_t c = 0; c < columns; ++c) {
            const std::string blanks(widths[c] - row[c].size(), ' ');
            if (c > 0) out += "  ";
            if (numbers[c]) out += blanks;
            out += row[c];
            if (!numbers[c] && c + 1 < columns) out += blanks;
        }
        out += '\n';
    }
}

}  // namespace kwire::tools
