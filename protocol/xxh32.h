// XXH32, the hash that LZ4 frames carry (headers, blocks, contents).
#pragma once

#include <cstdint>
#include <string_view>

namespace kwire::protocol {

/// With seed 0, as LZ4 frames use it. Written after the algorithm's description (xxHash,
/// doc/xxhash_spec.md).
std::uint32_t xxh32(std::string_view data);

}  // namespace kwire::protocol
