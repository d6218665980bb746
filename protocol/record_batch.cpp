#include <algorithm>
#include <limits>

#include <kwire/protocol/record_batch.h>

#include "big_endian.h"
#include "record_batch_layout.h"

namespace kwire {

using namespace protocol;

namespace {

constexpr std::string_view compression_names[] = {"none", "gzip", "snappy", "lz4", "zstd"};

/// What a run of messages has in common: version, codec and timestamp type.
std::uint32_t kind_of(const char* message_data) {
    const auto magic = static_cast<unsigned char>(message_data[magic_at]);
    const auto attributes = static_cast<unsigned char>(message_data[message::attributes_at]);
    const int bits = magic == 0 ? compression_mask : compression_mask | append_time_bit;
    return static_cast<std::uint32_t>(magic << 8 | (attributes & bits));
}

}  // namespace

std::string_view to_string(Compression compression) {
    const auto index = static_cast<std::size_t>(compression);
    return index < std::size(compression_names) ? compression_names[index] : "unknown";
}

std::optional<Compression> compression_from_string(std::string_view name) {
    const auto* const found =
        std::find(std::begin(compression_names), std::end(compression_names), name);
    if (found == std::end(compression_names)) return std::nullopt;
    return static_cast<Compression>(found - std::begin(compression_names));
}

bool RecordBatchCursor::fail(std::size_t at, std::string what) {
    error_ = DecodeError{"records", std::move(what), at};
    return false;
}

std::size_t RecordBatchCursor::entry_size(std::size_t at) {
    const std::string_view left = records_.view().substr(at);
    if (left.size() < log_overhead) {
        truncated_bytes_ = left.size();
        return 0;
    }
    const auto size = load_big_endian<std::int32_t>(left.data() + size_at);
    // The least a message can have; what a v2 batch needs more is asked when its version is in
    // sight.
    if (size < static_cast<std::int32_t>(message::size_min(0) - log_overhead)) {
        fail(at + size_at, "a batch cannot have " + std::to_string(size) + " bytes");
        return 0;
    }
    if (left.size() > magic_at) {
        const auto magic = static_cast<std::int8_t>(left[magic_at]);
        if (magic < 0 || magic > 2) {
            fail(at + magic_at, "there is no record format " + std::to_string(magic));
            return 0;
        }
        const std::size_t size_min = magic == 2 ? batch_v2::header_size : message::size_min(magic);
        if (static_cast<std::size_t>(size) < size_min - log_overhead) {
            fail(at + size_at, "a batch of format " + std::to_string(magic) + " cannot have " +
                                   std::to_string(size) + " bytes");
            return 0;
        }
    }
    const std::size_t whole = log_overhead + static_cast<std::size_t>(size);
    if (left.size() < whole) {
        truncated_bytes_ = left.size();
        needed_bytes_ = whole;
        return 0;
    }
    return whole;
}

bool RecordBatchCursor::next(RecordBatch& batch) {
    if (error_ || truncated_bytes_ != 0 || position_ == records_.size()) return false;
    const std::size_t size = entry_size(position_);
    if (size == 0) return false;
    if (records_.data()[position_ + magic_at] != 2) return next_message_run(batch, size);
    return next_batch_v2(batch, records_.view().substr(position_, size));
}

bool RecordBatchCursor::next_batch_v2(RecordBatch& batch, std::string_view data) {
    const char* const p = data.data();
    const auto attributes = load_big_endian<std::int16_t>(p + batch_v2::attributes_at);
    const auto last_offset_delta =
        load_big_endian<std::int32_t>(p + batch_v2::last_offset_delta_at);
    const auto base_offset = load_big_endian<std::int64_t>(p + offset_at);
    if (base_offset < 0)
        return fail(position_ + offset_at, "base offset " + std::to_string(base_offset));
    // The offset after the last one must be one as well: it is where reading goes on.
    if (last_offset_delta < 0 ||
        base_offset > std::numeric_limits<std::int64_t>::max() - 1 - last_offset_delta)
        return fail(position_ + batch_v2::last_offset_delta_at,
                    "last offset delta " + std::to_string(last_offset_delta) + " on base offset " +
                        std::to_string(base_offset));
    const auto record_count = load_big_endian<std::int32_t>(p + batch_v2::record_count_at);
    if (record_count < 0)
        return fail(position_ + batch_v2::record_count_at,
                    std::to_string(record_count) + " records");

    batch.data = data;
    batch.base_offset = base_offset;
    batch.last_offset = base_offset + last_offset_delta;
    batch.base_timestamp = load_big_endian<std::int64_t>(p + batch_v2::base_timestamp_at);
    batch.max_timestamp = load_big_endian<std::int64_t>(p + batch_v2::max_timestamp_at);
    batch.producer_id = load_big_endian<std::int64_t>(p + batch_v2::producer_id_at);
    batch.base_sequence = load_big_endian<std::int32_t>(p + batch_v2::base_sequence_at);
    batch.partition_leader_epoch =
        load_big_endian<std::int32_t>(p + batch_v2::partition_leader_epoch_at);
    batch.record_count = record_count;
    batch.crc = load_big_endian<std::uint32_t>(p + batch_v2::crc_at);
    batch.producer_epoch = load_big_endian<std::int16_t>(p + batch_v2::producer_epoch_at);
    batch.magic = 2;
    batch.compression = static_cast<Compression>(attributes & compression_mask);
    batch.timestamp_type = (attributes & append_time_bit) != 0 ? TimestampType::append_time
                                                               : TimestampType::create_time;
    batch.is_transactional = (attributes & transactional_bit) != 0;
    batch.is_control = (attributes & control_bit) != 0;
    position_ += data.size();
    batch.readable_behind = records_.size() - position_;
    return true;
}

bool RecordBatchCursor::next_message_run(RecordBatch& batch, std::size_t first_size) {
    const char* const first = records_.data() + position_;
    const auto magic = static_cast<std::int8_t>(first[magic_at]);
    const auto attributes = static_cast<unsigned char>(first[message::attributes_at]);
    const bool is_wrapper = (attributes & compression_mask) != 0;
    const std::uint32_t kind = kind_of(first);

    batch = RecordBatch{};
    batch.magic = magic;
    batch.compression = static_cast<Compression>(attributes & compression_mask);
    batch.crc = load_big_endian<std::uint32_t>(first + message::crc_at);
    batch.base_offset = load_big_endian<std::int64_t>(first + offset_at);
    if (magic == 0)
        batch.timestamp_type = TimestampType::none;
    else if ((attributes & append_time_bit) != 0)
        batch.timestamp_type = TimestampType::append_time;

    const std::size_t start = position_;
    std::int32_t count = 0;
    std::size_t size = first_size;
    do {
        const char* const p = records_.data() + position_;
        const auto offset = load_big_endian<std::int64_t>(p + offset_at);
        if (offset < 0 || offset == std::numeric_limits<std::int64_t>::max()) {
            if (count > 0) break;  // what lies before it can be read; the next call says this
            return fail(position_ + offset_at, "offset " + std::to_string(offset));
        }
        batch.last_offset = offset;
        if (magic == 1)
            batch.max_timestamp = std::max(
                batch.max_timestamp, load_big_endian<std::int64_t>(p + message::timestamp_at));
        ++count;
        position_ += size;
        if (is_wrapper || position_ == records_.size()) break;
        size = entry_size(position_);
        // What stops the run is found again, and then said, by the next call.
        if (size == 0 || kind_of(records_.data() + position_) != kind) {
            error_.reset();
            truncated_bytes_ = needed_bytes_ = 0;
            break;
        }
    } while (true);

    batch.data = records_.view().substr(start, position_ - start);
    batch.record_count = is_wrapper ? -1 : count;
    return true;
}

}  // namespace kwire
