// Counts, sizes, times and names as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kwire::tools {

/// `1,234,567`
std::string show_count(std::uint64_t count);
/// `812 bytes`, `27.3 kB`, `1.2 GB`: powers of 1,000.
std::string show_bytes(std::uint64_t bytes);
/// `2026-11-22T18:31:02.123456Z`: so many parts of a second since 1970 (or, less than 0, before), a
/// second having 1, 1,000 or 1,000,000 of them. The bare number where the year has no name.
void append_utc(std::string& out, std::int64_t time, std::int64_t per_second);
/// What others chose (a client id) without the power to move a terminal's cursor: control characters
/// as \x1b.
std::string printable(std::string_view text);

}  // namespace kwire::tools
