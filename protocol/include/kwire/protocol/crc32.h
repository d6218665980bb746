// The two checksums of Kafka's records: CRC-32C (v2 batches, KIP-98) and CRC-32 (message sets v0
// and v1).
//
// Both run over every byte that is fetched, so they use what the processor has (SSE 4.2, ARMv8
// CRC), found out at run time, with a portable form for the rest. Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace kwire::protocol {

/// CRC-32C (Castagnoli) of data. To continue over a further piece pass the last result as seed.
std::uint32_t crc32c(std::string_view data, std::uint32_t seed = 0);

/// The same without special instructions: what crc32c falls back to, and what tests compare it
/// with.
std::uint32_t crc32c_portable(std::string_view data, std::uint32_t seed = 0);

/// How crc32c does it on this machine: `sse4.2`, `armv8` or `portable`.
const char* crc32c_implementation();

/// CRC-32 (IEEE 802.3, that of gzip) of data.
std::uint32_t crc32(std::string_view data, std::uint32_t seed = 0);

}  // namespace kwire::protocol
