// Where the fields of a record batch (v2) and of a message (v0, v1) lie, in bytes from its start.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kwire::protocol {

// All versions begin alike, so that the version can be told before anything else.
constexpr std::size_t offset_at = 0;
constexpr std::size_t size_at = 8;
constexpr std::size_t log_overhead = 12;  // what the size does not count: offset and size
constexpr std::size_t magic_at = 16;

namespace batch_v2 {
constexpr std::size_t partition_leader_epoch_at = 12;
constexpr std::size_t crc_at = 17;
constexpr std::size_t attributes_at = 21;  // the CRC covers everything from here on
constexpr std::size_t last_offset_delta_at = 23;
constexpr std::size_t base_timestamp_at = 27;
constexpr std::size_t max_timestamp_at = 35;
constexpr std::size_t producer_id_at = 43;
constexpr std::size_t producer_epoch_at = 51;
constexpr std::size_t base_sequence_at = 53;
constexpr std::size_t record_count_at = 57;
constexpr std::size_t header_size = 61;
}  // namespace batch_v2

namespace message {
constexpr std::size_t crc_at = 12;
constexpr std::size_t attributes_at = 17;
constexpr std::size_t timestamp_at = 18;  // v1
constexpr std::size_t header_size_v0 = 18;
constexpr std::size_t header_size_v1 = 26;
constexpr std::size_t header_size(std::int8_t magic) {
    return magic == 0 ? header_size_v0 : header_size_v1;
}
constexpr std::size_t size_min(std::int8_t magic) {
    return header_size(magic) + 4 + 4;
}  // null key, null value
}  // namespace message

constexpr int compression_mask = 0x07;
constexpr int append_time_bit = 0x08;
constexpr int transactional_bit = 0x10;
constexpr int control_bit = 0x20;

}  // namespace kwire::protocol
