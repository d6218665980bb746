// Counts and sizes as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace kwire::tools {

/// `1,234,567`
std::string show_count(std::uint64_t count);
/// `812 bytes`, `27.3 kB`, `1.2 GB`: powers of 1,000.
std::string show_bytes(std::uint64_t bytes);

}  // namespace kwire::tools
