// The framing that snappy-java's SnappyOutputStream puts around snappy ("xerial"), which Java
// clients write: magic, version (4 bytes), lowest compatible version (4), then blocks, each a
// big-endian size and raw snappy.
#pragma once

#include <cstddef>
#include <string_view>

namespace kwire::protocol {

constexpr std::string_view xerial_magic("\x82SNAPPY\0", 8);
constexpr std::size_t xerial_header_size = 16;
constexpr std::size_t xerial_block_bytes = 32 << 10;  // what SnappyOutputStream cuts into

}  // namespace kwire::protocol
