// The LZ4 frame format (LZ4 Frame Format Description 1.6), as far as reading and writing records
// needs it.
//
// liblz4's own frame decoder is not used: it copies through a buffer of its own, and refuses the
// header checksum that Kafka clients of 0.8 and 0.9 wrote (KAFKA-3160: computed over the magic
// number as well).
#pragma once

#include <cstddef>
#include <cstdint>

namespace kwire::protocol {

inline std::uint32_t load_little_endian32(const char* data) {
    const auto* p = reinterpret_cast<const unsigned char*>(data);
    return std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8 | std::uint32_t{p[2]} << 16 |
           std::uint32_t{p[3]} << 24;
}

namespace lz4_frame {
constexpr std::uint32_t magic = 0x184d2204;
constexpr std::uint32_t skippable_magic = 0x184d2a50;  // and the fifteen after it
constexpr unsigned version_mask = 0xc0;
constexpr unsigned version = 0x40;
constexpr unsigned independent_blocks_bit = 0x20;
constexpr unsigned block_checksum_bit = 0x10;
constexpr unsigned content_size_bit = 0x08;
constexpr unsigned content_checksum_bit = 0x04;
constexpr unsigned reserved_bit = 0x02;
constexpr unsigned dictionary_bit = 0x01;
constexpr std::uint32_t uncompressed_block_bit = 0x80000000;
constexpr std::size_t history_bytes = 64 << 10;  // how far back a block may refer
}  // namespace lz4_frame

}  // namespace kwire::protocol
