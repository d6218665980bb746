#include "nearest_name.h"

#include <algorithm>
#include <string>
#include <vector>

namespace kwire {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::swap(before_last, last);
        std::swap(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names) {
    std::string_view nearest;
    std::size_t least = std::string_view::npos;
    for (const auto candidate : names) {
        std::size_t distance = edit_distance(name, candidate);
        const bool contained = name.size() > 3 && (candidate.find(name) != std::string_view::npos ||
                                                   name.find(candidate) != std::string_view::npos);
        if (contained) distance = std::min<std::size_t>(distance, 3);
        if (distance < least) {
            least = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

}  // namespace kwire
