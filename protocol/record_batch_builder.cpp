#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include <kwire/protocol/crc32.h>
#include <kwire/protocol/record_batch_builder.h>
#include <kwire/protocol/record_varint.h>

#include "big_endian.h"
#include "record_batch_layout.h"

namespace kwire {

using namespace protocol;

namespace {

std::size_t varint_bytes_size(std::optional<std::string_view> bytes) {
    if (!bytes) return varint_size<std::int32_t>(-1);
    return varint_size(static_cast<std::int32_t>(bytes->size())) + bytes->size();
}

void append_varint_bytes(std::string& out, std::optional<std::string_view> bytes) {
    append_varint<std::int32_t>(out, bytes ? static_cast<std::int32_t>(bytes->size()) : -1);
    if (bytes) out.append(*bytes);
}

std::size_t record_body_size(std::int64_t timestamp_delta, std::int32_t offset_delta,
                             std::optional<std::string_view> key,
                             std::optional<std::string_view> value,
                             std::span<const RecordHeader> headers) {
    constexpr std::size_t attributes_size = 1;
    std::size_t size = attributes_size + varint_size(timestamp_delta) + varint_size(offset_delta) +
                       varint_bytes_size(key) + varint_bytes_size(value) +
                       varint_size(static_cast<std::int32_t>(headers.size()));
    for (const RecordHeader& h : headers)
        size += varint_bytes_size(h.key) + varint_bytes_size(h.value);
    return size;
}

}  // namespace

std::size_t RecordBatchBuilder::size_bytes() const {
    return batch_v2::header_size + records_.size();
}

bool RecordBatchBuilder::append(std::int64_t timestamp, std::optional<std::string_view> key,
                                std::optional<std::string_view> value,
                                std::span<const RecordHeader> headers) {
    return append_at(next_offset_, timestamp, key, value, headers);
}

bool RecordBatchBuilder::append_at(std::int64_t offset, std::int64_t timestamp,
                                   std::optional<std::string_view> key,
                                   std::optional<std::string_view> value,
                                   std::span<const RecordHeader> headers) {
    assert(offset >= next_offset_);
    const std::int64_t delta = offset - options_.base_offset;
    if (delta > std::numeric_limits<std::int32_t>::max()) return false;
    const auto offset_delta = static_cast<std::int32_t>(delta);
    const std::int64_t base_timestamp = empty() ? timestamp : base_timestamp_;
    // Wraps for timestamps that lie further apart than can be said, and wraps back when it is read.
    const auto timestamp_delta = static_cast<std::int64_t>(
        static_cast<std::uint64_t>(timestamp) - static_cast<std::uint64_t>(base_timestamp));
    const std::size_t body = record_body_size(timestamp_delta, offset_delta, key, value, headers);
    assert(body <= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()));
    const auto length = static_cast<std::int32_t>(body);
    if (!empty() && size_bytes() + varint_size(length) + body > options_.size_bytes_max)
        return false;

    append_varint(records_, length);
    records_.push_back(0);
    append_varint(records_, timestamp_delta);
    append_varint(records_, offset_delta);
    append_varint_bytes(records_, key);
    append_varint_bytes(records_, value);
    append_varint(records_, static_cast<std::int32_t>(headers.size()));
    for (const RecordHeader& h : headers) {
        append_varint_bytes(records_, h.key);
        append_varint_bytes(records_, h.value);
    }
    base_timestamp_ = base_timestamp;
    max_timestamp_ = empty() ? timestamp : std::max(max_timestamp_, timestamp);
    next_offset_ = offset + 1;
    ++record_count_;
    return true;
}

std::string RecordBatchBuilder::header(std::size_t whole_size) const {
    int attributes = static_cast<int>(options_.compression);
    if (options_.append_time) attributes |= append_time_bit;
    if (options_.is_transactional) attributes |= transactional_bit;
    if (options_.is_control) attributes |= control_bit;
    const std::int64_t last_offset = options_.last_offset.value_or(next_offset_ - 1);
    assert(last_offset >= next_offset_ - 1 && last_offset >= options_.base_offset);

    std::string out(batch_v2::header_size, '\0');
    char* const p = out.data();
    store_big_endian<std::int64_t>(p + offset_at, options_.base_offset);
    store_big_endian<std::int32_t>(p + size_at,
                                   static_cast<std::int32_t>(whole_size - log_overhead));
    store_big_endian<std::int32_t>(p + batch_v2::partition_leader_epoch_at,
                                   options_.partition_leader_epoch);
    store_big_endian<std::int8_t>(p + magic_at, 2);
    store_big_endian<std::int16_t>(p + batch_v2::attributes_at,
                                   static_cast<std::int16_t>(attributes));
    store_big_endian<std::int32_t>(p + batch_v2::last_offset_delta_at,
                                   static_cast<std::int32_t>(last_offset - options_.base_offset));
    store_big_endian<std::int64_t>(p + batch_v2::base_timestamp_at, base_timestamp_);
    store_big_endian<std::int64_t>(p + batch_v2::max_timestamp_at,
                                   options_.append_time.value_or(max_timestamp_));
    store_big_endian<std::int64_t>(p + batch_v2::producer_id_at, options_.producer_id);
    store_big_endian<std::int16_t>(p + batch_v2::producer_epoch_at, options_.producer_epoch);
    store_big_endian<std::int32_t>(p + batch_v2::base_sequence_at, options_.base_sequence);
    store_big_endian<std::int32_t>(p + batch_v2::record_count_at, record_count_);
    return out;
}

std::string RecordBatchBuilder::build(Compressor& compressor) {
    std::string batch(batch_v2::header_size, '\0');
    if (options_.compression == Compression::none)
        batch.append(records_);
    else
        compressor.compress(options_.compression, options_.compression_level, 2, records_, batch);
    batch.replace(0, batch_v2::header_size, header(batch.size()));
    store_big_endian<std::uint32_t>(
        batch.data() + batch_v2::crc_at,
        crc32c(std::string_view(batch).substr(batch_v2::attributes_at)));
    const std::int64_t last_offset = options_.last_offset.value_or(next_offset_ - 1);
    options_.last_offset.reset();
    options_.base_offset = next_offset_ = last_offset + 1;
    if (options_.base_sequence >= 0)  // sequences wrap to 0 (KIP-98)
        options_.base_sequence =
            static_cast<std::int32_t>((static_cast<std::uint32_t>(options_.base_sequence) +
                                       static_cast<std::uint32_t>(record_count_)) &
                                      0x7fffffffU);
    records_.clear();
    record_count_ = 0;
    base_timestamp_ = max_timestamp_ = -1;
    return batch;
}

std::string build_control_batch(std::int64_t offset, std::int64_t timestamp,
                                std::int64_t producer_id, std::int16_t producer_epoch,
                                ControlRecord::Type type) {
    RecordBatchBuilder builder({.base_offset = offset,
                                .producer_id = producer_id,
                                .producer_epoch = producer_epoch,
                                .is_transactional = true,
                                .is_control = true});
    std::string key;
    append_big_endian<std::int16_t>(key, 0);
    append_big_endian<std::int16_t>(key, static_cast<std::int16_t>(type));
    std::string value;
    append_big_endian<std::int16_t>(value, 0);
    append_big_endian<std::int32_t>(value, 0);  // the coordinator's epoch
    builder.append(timestamp, key, value);
    Compressor unused;
    return builder.build(unused);
}

// Message sets

namespace {

void append_message(std::string& out, std::int8_t magic, int attributes, std::int64_t offset,
                    std::int64_t timestamp, std::optional<std::string_view> key,
                    std::optional<std::string_view> value) {
    const std::size_t start = out.size();
    const auto append_bytes = [&](std::optional<std::string_view> bytes) {
        append_big_endian<std::int32_t>(out, bytes ? static_cast<std::int32_t>(bytes->size()) : -1);
        if (bytes) out.append(*bytes);
    };
    append_big_endian<std::int64_t>(out, offset);
    append_big_endian<std::int32_t>(out, 0);
    append_big_endian<std::uint32_t>(out, 0);
    append_big_endian<std::int8_t>(out, magic);
    append_big_endian<std::int8_t>(out, static_cast<std::int8_t>(attributes));
    if (magic == 1) append_big_endian<std::int64_t>(out, timestamp);
    append_bytes(key);
    append_bytes(value);
    char* const p = out.data() + start;
    const std::size_t size = out.size() - start;
    store_big_endian<std::int32_t>(p + size_at, static_cast<std::int32_t>(size - log_overhead));
    store_big_endian<std::uint32_t>(p + message::crc_at,
                                    crc32(std::string_view(out).substr(start + magic_at)));
}

}  // namespace

bool MessageSetBuilder::append(std::int64_t timestamp, std::optional<std::string_view> key,
                               std::optional<std::string_view> value) {
    return append_at(next_offset_, timestamp, key, value);
}

bool MessageSetBuilder::append_at(std::int64_t offset, std::int64_t timestamp,
                                  std::optional<std::string_view> key,
                                  std::optional<std::string_view> value) {
    assert(offset >= next_offset_);
    const bool is_wrapped = options_.compression != Compression::none;
    const std::size_t size =
        message::size_min(options_.magic) + (key ? key->size() : 0) + (value ? value->size() : 0);
    if (!empty() && messages_.size() + size > options_.size_bytes_max) return false;
    if (empty()) first_offset_ = offset;
    const bool is_append_time = options_.magic == 1 && options_.append_time.has_value();
    // A broker stamps the wrapper only: it need not compress again for that.
    const int attributes = is_append_time && !is_wrapped ? append_time_bit : 0;
    const std::int64_t stamp = is_append_time && !is_wrapped ? *options_.append_time : timestamp;
    const std::int64_t inner_offset =
        is_wrapped && options_.magic == 1 ? offset - first_offset_ : offset;
    append_message(messages_, options_.magic, attributes, inner_offset, stamp, key, value);
    max_timestamp_ = std::max(max_timestamp_, timestamp);
    next_offset_ = offset + 1;
    ++record_count_;
    return true;
}

std::string MessageSetBuilder::build(Compressor& compressor) {
    std::string out;
    if (options_.compression == Compression::none || empty()) {
        out = std::exchange(messages_, {});
    } else {
        assert(options_.compression != Compression::zstd);
        std::string value;
        compressor.compress(options_.compression, options_.compression_level, options_.magic,
                            messages_, value);
        int attributes = static_cast<int>(options_.compression);
        if (options_.magic == 1 && options_.append_time) attributes |= append_time_bit;
        append_message(out, options_.magic, attributes, next_offset_ - 1,
                       options_.append_time.value_or(max_timestamp_), std::nullopt, value);
        messages_.clear();
    }
    record_count_ = 0;
    max_timestamp_ = -1;
    return out;
}

}  // namespace kwire
