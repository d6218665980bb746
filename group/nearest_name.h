// Which of several names was probably meant.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace kwire {

/// How many letters have to be inserted, removed, replaced or swapped with the next to make b of a.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name that name was probably meant to be: the one of least edit distance, where a name that
/// contains all of it, or is contained in it, counts as near. Empty if names is.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names);

}  // namespace kwire
