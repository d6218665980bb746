#include <algorithm>
#include <limits>
#include <utility>

#include <kwire/protocol/crc32.h>
#include <kwire/protocol/record_reader.h>

#include "big_endian.h"
#include "record_batch_layout.h"

namespace kwire {

using namespace protocol;

namespace {

std::string crc_mismatch(std::uint32_t said, std::uint32_t computed) {
    constexpr char digits[] = "0123456789abcdef";
    const auto hex = [&](std::uint32_t v) {
        std::string text = "0x";
        for (int shift = 28; shift >= 0; shift -= 4) text.push_back(digits[v >> shift & 15]);
        return text;
    };
    return "the bytes have CRC " + hex(computed) + ", the header says " + hex(said);
}

std::string does_not_fit(std::int64_t needed, std::int64_t left) {
    return "needs " + std::to_string(needed) + " bytes, " + std::to_string(left) + " left";
}

constexpr const char* no_varint = "no valid varint";

}  // namespace

bool RecordReader::fail(std::string path, std::string what, const char* at) {
    const std::string batch = (magic_ == 2 ? "RecordBatch" : "MessageSet") +
                              std::string("(offset ") + std::to_string(batch_offset_) + ")";
    error_ = DecodeError{batch + path, std::move(what), static_cast<std::size_t>(at - begin_)};
    records_left_ = 0;
    at_ = end_ = quick_end_ = nullptr;
    return false;
}

bool RecordReader::fail_record(const char* field, std::string what, const char* at) {
    return fail(".records[" + std::to_string(record_count_ - records_left_) + "]" + field,
                std::move(what), at);
}

bool RecordReader::open(const RecordBatch& batch, const RecordReaderOptions& options) {
    error_.reset();
    batch_offset_ = batch.base_offset;
    last_offset_ = batch.last_offset;
    magic_ = batch.magic;
    begin_ = batch.data.data();
    records_left_ = 0;
    at_ = end_ = quick_end_ = nullptr;
    if (static_cast<std::uint8_t>(batch.compression) > static_cast<std::uint8_t>(Compression::zstd))
        return fail(
            ".attributes",
            "there is no compression " + std::to_string(static_cast<int>(batch.compression)),
            begin_);
    if (magic_ == 2) return open_batch_v2(batch, options);
    return batch.compression == Compression::none ? open_run(batch, options)
                                                  : open_wrapper(batch, options);
}

bool RecordReader::open_batch_v2(const RecordBatch& batch, const RecordReaderOptions& options) {
    if (options.check_crc) {
        const std::uint32_t computed = crc32c(batch.data.substr(batch_v2::attributes_at));
        if (computed != batch.crc)
            return fail("", crc_mismatch(batch.crc, computed), begin_ + batch_v2::crc_at);
    }
    base_offset_ = batch.base_offset;
    last_offset_delta_ = static_cast<std::uint32_t>(batch.last_offset - batch.base_offset);
    const bool is_append_time = batch.timestamp_type == TimestampType::append_time;
    base_timestamp_ = is_append_time ? batch.max_timestamp : batch.base_timestamp;
    timestamp_delta_mask_ = is_append_time ? 0 : -1;
    records_left_ = record_count_ = batch.record_count;

    const std::string_view data = batch.data.substr(batch_v2::header_size);
    if (batch.compression == Compression::none) {
        walk(data, batch.readable_behind);
        return true;
    }
    // An empty batch, left by compaction, may keep its codec and have no compressed data at all.
    if (data.empty() && batch.record_count == 0) return true;
    if (!decompress(batch, data, options)) return false;
    walk(buffer_.view(), RecordBuffer::padding);
    return true;
}

void RecordReader::walk(std::string_view data, std::size_t readable_behind) {
    begin_ = at_ = data.data();
    end_ = at_ + data.size();
    if (readable_behind >= static_cast<std::size_t>(lookahead)) {
        quick_end_ = record_limit_ = end_;
    } else if (data.size() >= static_cast<std::size_t>(lookahead)) {
        quick_end_ = end_ - lookahead;
        record_limit_ = end_ - tail_lookahead;
    } else {
        quick_end_ = nullptr;
    }
}

bool RecordReader::decompress(const RecordBatch& batch, std::string_view data,
                              const RecordReaderOptions& options) {
    auto error = decompressor_.decompress(batch.compression, batch.magic, data,
                                          options.decompressed_bytes_max, buffer_);
    if (!error) return true;
    return fail("." + error->path, std::move(error->what), data.data() + error->offset);
}

bool RecordReader::next_slow(Record& record) {
    if (error_) return false;
    if (records_left_ == 0) {
        if (at_ == end_) return false;
        return fail("", std::to_string(end_ - at_) + " bytes behind the last record", at_);
    }
    return magic_ == 2 ? next_v2(record) : next_message(record);
}

// The rest of the quick path. Where its bytes make no sense, the slow one says why.
bool RecordReader::next_with_headers(Record& record, const char* headers, const char* record_end) {
    if (!read_headers(headers, record_end, record)) return next_slow(record);
    at_ = record_end;
    --records_left_;
    return true;
}

bool RecordReader::next_v2(Record& record) {
    const char* p = at_;
    std::int32_t length = 0;
    if (p == end_) return fail_record("", "the batch ends before it", p);
    if (!read_varint(p, end_, length)) return fail_record(".length", no_varint, at_);
    if (length < 0 || length > end_ - p)
        return fail_record("", does_not_fit(length, end_ - p), at_);
    const char* const record_end = p + length;
    if (p == record_end) return fail_record("", "has no bytes", p);
    ++p;

    std::int64_t timestamp_delta = 0;
    std::int32_t offset_delta = 0;
    const char* field = p;
    if (!read_varint(p, record_end, timestamp_delta))
        return fail_record(".timestampDelta", no_varint, field);
    field = p;
    if (!read_varint(p, record_end, offset_delta))
        return fail_record(".offsetDelta", no_varint, field);
    if (static_cast<std::uint32_t>(offset_delta) > last_offset_delta_)
        return fail_record(".offsetDelta",
                           std::to_string(offset_delta) +
                               " is not within 0 and the batch's last, " +
                               std::to_string(last_offset_delta_),
                           field);

    const auto read_nullable = [&](const char*& data, std::int32_t& size) {
        field = p;
        if (!read_varint(p, record_end, size) || size < -1) return false;
        data = p;
        if (size > record_end - p) return false;
        p += std::max(size, 0);
        return true;
    };
    record.key_size = record.value_size = 0;
    if (!read_nullable(record.key_data, record.key_size))
        return fail_record(".key", does_not_fit(record.key_size, record_end - p), field);
    if (!read_nullable(record.value_data, record.value_size))
        return fail_record(".value", does_not_fit(record.value_size, record_end - p), field);
    if (!read_headers(p, record_end, record))
        return fail_record(".headers", "do not fill the record's rest", p);

    record.offset = base_offset_ + offset_delta;
    record.timestamp = static_cast<std::int64_t>(
        static_cast<std::uint64_t>(base_timestamp_) +
        static_cast<std::uint64_t>(timestamp_delta & timestamp_delta_mask_));
    at_ = record_end;
    --records_left_;
    return true;
}

bool RecordReader::read_headers(const char* p, const char* record_end, Record& record) {
    std::int32_t count = 0;
    if (!read_varint(p, record_end, count) || count < 0) return false;
    const char* const first = p;
    RecordHeader header;
    for (std::int32_t i = 0; i < count; ++i)
        if (!RecordHeaders::read_header(p, record_end, header)) return false;
    if (p != record_end) return false;
    record.headers_data = first;
    record.headers_size = static_cast<std::int32_t>(record_end - first);
    record.header_count = count;
    return true;
}

// Message sets. An offset and a size precede each message; base_offset_ is what to add to the
// offsets inside a wrapper.

bool RecordReader::open_run(const RecordBatch& batch, const RecordReaderOptions& options) {
    base_offset_ = 0;
    timestamp_delta_mask_ = 0;
    check_message_crc_ = options.check_crc;
    records_left_ = record_count_ = batch.record_count;
    at_ = begin_;
    end_ = begin_ + batch.data.size();
    return true;
}

bool RecordReader::open_wrapper(const RecordBatch& batch, const RecordReaderOptions& options) {
    const std::string_view data = batch.data;
    if (options.check_crc) {
        const std::uint32_t computed = crc32(data.substr(magic_at));
        if (computed != batch.crc)
            return fail("", crc_mismatch(batch.crc, computed), begin_ + message::crc_at);
    }
    const char* p = begin_ + message::header_size(magic_);
    const char* const end = begin_ + data.size();
    const auto key_size = load_big_endian<std::int32_t>(p);
    p += 4;
    if (key_size < -1 || key_size > end - p - 4)
        return fail(".key", does_not_fit(key_size, end - p - 4), p);
    p += std::max(key_size, 0);
    const auto value_size = load_big_endian<std::int32_t>(p);
    p += 4;
    if (value_size != end - p) return fail(".value", does_not_fit(value_size, end - p), p);
    if (!decompress(batch, {p, static_cast<std::size_t>(value_size)}, options)) return false;

    begin_ = at_ = buffer_.data();
    end_ = begin_ + buffer_.size();
    check_message_crc_ = options.check_crc;
    const bool is_append_time = batch.timestamp_type == TimestampType::append_time;
    base_timestamp_ = batch.max_timestamp;
    timestamp_delta_mask_ = is_append_time ? -1 : 0;

    // The offsets inside v1 are relative, and the wrapper's own is that of the last message: find
    // that one first.
    std::int64_t last_inner = -1;
    std::int32_t count = 0;
    for (p = at_; p != end_; ++count) {
        if (end_ - p < static_cast<std::ptrdiff_t>(log_overhead))
            return fail(".messages[" + std::to_string(count) + "]",
                        does_not_fit(log_overhead, end_ - p), p);
        const auto size = load_big_endian<std::int32_t>(p + size_at);
        const auto left = end_ - p - static_cast<std::ptrdiff_t>(log_overhead);
        if (size < 0 || size > left)
            return fail(".messages[" + std::to_string(count) + "]", does_not_fit(size, left),
                        p + size_at);
        last_inner = load_big_endian<std::int64_t>(p + offset_at);
        if (last_inner < 0)
            return fail(".messages[" + std::to_string(count) + "].offset", "is negative", p);
        p += log_overhead + static_cast<std::size_t>(size);
    }
    base_offset_ = magic_ == 0 ? 0 : batch.last_offset - last_inner;
    if (count > 0 && base_offset_ < 0)
        return fail(
            ".messages",
            "the last offset inside, " + std::to_string(last_inner) + ", is above the wrapper's",
            begin_);
    records_left_ = record_count_ = count;
    return true;
}

bool RecordReader::next_message(Record& record) {
    // open and the cursor have seen that the size fits.
    const auto size = static_cast<std::size_t>(load_big_endian<std::int32_t>(at_ + size_at));
    const std::string_view data(at_, log_overhead + size);
    if (data.size() <= magic_at || data[magic_at] != magic_)
        return fail_record(".magic", "is not the wrapper's", at_);
    if (data.size() < message::size_min(magic_))
        return fail_record("", "is too short for a message", at_);
    if (check_message_crc_) {
        const auto said = load_big_endian<std::uint32_t>(at_ + message::crc_at);
        const std::uint32_t computed = crc32(data.substr(magic_at));
        if (computed != said)
            return fail_record("", crc_mismatch(said, computed), at_ + message::crc_at);
    }
    if ((data[message::attributes_at] & compression_mask) != 0)
        return fail_record(".attributes", "a compressed message inside a compressed one", at_);

    const char* p = at_ + message::header_size(magic_);
    const char* const end = data.data() + data.size();
    record.key_size = load_big_endian<std::int32_t>(p);
    record.key_data = p + 4;
    p += 4;
    if (record.key_size < -1 || record.key_size > end - p - 4)
        return fail_record(".key", does_not_fit(record.key_size, end - p - 4), p);
    p += std::max(record.key_size, 0);
    record.value_size = load_big_endian<std::int32_t>(p);
    record.value_data = p + 4;
    p += 4;
    if (record.value_size < -1 || std::max(record.value_size, 0) != end - p)
        return fail_record(".value", does_not_fit(record.value_size, end - p), p);

    const auto inner_offset = load_big_endian<std::int64_t>(at_ + offset_at);
    if (inner_offset > last_offset_ - base_offset_)
        return fail_record(".offset", std::to_string(inner_offset) + " is above the last one", at_);
    record.offset = base_offset_ + inner_offset;
    record.timestamp = -1;
    if (magic_ == 1)
        record.timestamp = timestamp_delta_mask_ != 0
                               ? base_timestamp_
                               : load_big_endian<std::int64_t>(at_ + message::timestamp_at);
    record.headers_data = end;
    record.headers_size = 0;
    record.header_count = 0;
    at_ = end;
    --records_left_;
    return true;
}

std::optional<ControlRecord> ControlRecord::parse(const Record& record) {
    if (record.key_size < 4) return std::nullopt;
    ControlRecord control;
    control.version = load_big_endian<std::int16_t>(record.key_data);
    control.type = static_cast<Type>(load_big_endian<std::int16_t>(record.key_data + 2));
    // Later versions may append fields; lower ones than 0 there are none.
    if (control.version < 0) return std::nullopt;
    return control;
}

}  // namespace kwire
