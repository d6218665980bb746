// Reads the records of one batch after another. How it is used stands in record_batch.h.
//
// Purpose: the inner loop of a consumer. next() is inline, allocates nothing and copies nothing but
// sizes and pointers. Invariants: never reads outside the batch and its own buffer, whatever the
// bytes say; every record it gives out lies whole inside them. An error ends the batch: what was
// given out before it was right. Lifetimes: a Record's views point into the batch's bytes
// (uncompressed) or into the reader's buffer (compressed). They are valid until the reader opens
// another batch or is destroyed, and the former only as long as the batch's bytes are. Threads: one
// object, one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/decode_error.h>
#include <kwire/protocol/decompressor.h>
#include <kwire/protocol/record.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/record_varint.h>

namespace kwire {

struct RecordReaderOptions {
    /// Kafka's check.crcs. Without it a damaged batch may be read as other records.
    bool check_crc = true;
    /// A batch that decompresses to more is an error.
    std::size_t decompressed_bytes_max = 128U << 20;
};

class RecordReader {
 public:
    RecordReader() = default;
    /// What was moved from may only be opened again or destroyed. Records given out stay valid.
    RecordReader(RecordReader&&) noexcept = default;
    RecordReader& operator=(RecordReader&&) noexcept = default;

    /// Goes to the start of the batch: checks its CRC, decompresses it. False: see error(). The
    /// bytes of the batch must stay as long as it is read.
    bool open(const RecordBatch& batch, const RecordReaderOptions& options);

    /// Forgets the batch, its bytes may go, and any error: next() gives nothing until another open.
    void close() {
        error_.reset();
        records_left_ = 0;
        at_ = end_ = quick_end_ = nullptr;
    }

    /// The next record, or false: at the end of the batch, or at an error().
    bool next(Record& record);

    /// How many records next() has not given out yet, if all is well.
    std::int32_t records_left() const { return records_left_; }

    /// What ended the batch that was opened last, if not its end.
    const std::optional<DecodeError>& error() const { return error_; }

    /// Frees the decompression buffer, which otherwise stays as large as the largest batch yet.
    void release_buffer() { buffer_.release(); }
    std::size_t buffer_bytes() const { return buffer_.capacity(); }

 private:
    // How many bytes the quick path reads of a record without asking: the varints before the key
    // (length, timestamp and offset delta, key size: 5 + 10 + 5 + 5), the attributes, value size
    // and header count (5 + 5), rounded up.
    static constexpr std::ptrdiff_t lookahead = 40;
    // The same from the end of a record on, which is where a hostile key size can lead at most.
    static constexpr std::ptrdiff_t tail_lookahead = 8;
    static_assert(RecordBuffer::padding >= lookahead);
    static constexpr std::uint32_t null_size = 1;  // -1, as its varint has it

    bool open_batch_v2(const RecordBatch& batch, const RecordReaderOptions& options);
    bool open_wrapper(const RecordBatch& batch, const RecordReaderOptions& options);
    bool open_run(const RecordBatch& batch, const RecordReaderOptions& options);
    bool decompress(const RecordBatch& batch, std::string_view data,
                    const RecordReaderOptions& options);
    void walk(std::string_view data, std::size_t readable_behind);
    bool next_slow(Record& record);
    bool next_with_headers(Record& record, const char* headers, const char* record_end);
    bool next_v2(Record& record);
    static bool read_headers(const char* p, const char* record_end, Record& record);
    bool next_message(Record& record);
    bool fail(std::string path, std::string what, const char* at);
    bool fail_record(const char* field, std::string what, const char* at);

    const char* at_ = nullptr;
    const char* quick_end_ = nullptr;     // from here on records are read with all checks
    const char* record_limit_ = nullptr;  // a record that ends beyond is read with all checks
    std::int64_t base_offset_ = 0;
    std::int64_t base_timestamp_ = 0;
    std::int64_t timestamp_delta_mask_ = 0;  // 0: append time, deltas do not count
    std::int32_t records_left_ = 0;
    std::uint32_t last_offset_delta_ = 0;

    const char* begin_ = nullptr;
    const char* end_ = nullptr;
    std::int32_t record_count_ = 0;
    std::int8_t magic_ = 2;
    bool check_message_crc_ = false;
    std::int64_t batch_offset_ = 0;
    std::int64_t last_offset_ = 0;
    std::optional<DecodeError> error_;
    RecordBuffer buffer_;
    Decompressor decompressor_;
};

// Calls nothing but what it ends with, so that it needs no stack; every step of it counts.
inline bool RecordReader::next(Record& record) {
    using protocol::read_short_varint;
    using protocol::zigzag_decoded;
    const char* p = at_;
    if (p > quick_end_ || records_left_ == 0) [[unlikely]]
        return next_slow(record);

    // Whatever is unusual goes to the slow path, which reads the record again and says what is
    // wrong, if anything is. So do varints of more than three bytes: sizes from 1 MB on.
    std::uint32_t length = 0;
    if (!read_short_varint<3>(p, length) || (length & 1) != 0) [[unlikely]]
        return next_slow(record);
    length >>= 1;
    if (static_cast<std::ptrdiff_t>(length) > record_limit_ - p) [[unlikely]]
        return next_slow(record);
    const char* const record_end = p + length;
    ++p;  // attributes: none are defined

    std::uint64_t timestamp_delta = 0;
    std::uint32_t offset_delta = 0;
    std::uint32_t size = 0;
    if (!read_short_varint<5>(p, timestamp_delta) || !read_short_varint<3>(p, offset_delta) ||
        !read_short_varint<3>(p, size)) [[unlikely]]
        return next_slow(record);
    if ((offset_delta & 1) != 0 || offset_delta >> 1 > last_offset_delta_) [[unlikely]]
        return next_slow(record);
    record.offset = base_offset_ + (offset_delta >> 1);
    record.timestamp = static_cast<std::int64_t>(
        static_cast<std::uint64_t>(base_timestamp_) +
        static_cast<std::uint64_t>(zigzag_decoded<std::int64_t>(timestamp_delta) &
                                   timestamp_delta_mask_));

    record.key_data = p;
    if (size == null_size) {
        record.key_size = -1;
    } else {
        if ((size & 1) != 0 || static_cast<std::ptrdiff_t>(size >> 1) > record_end - p) [[unlikely]]
            return next_slow(record);
        record.key_size = static_cast<std::int32_t>(size >> 1);
        p += size >> 1;
    }

    if (!read_short_varint<3>(p, size)) [[unlikely]]
        return next_slow(record);
    record.value_data = p;
    if ((size & 1) == 0) [[likely]] {
        if (static_cast<std::ptrdiff_t>(size >> 1) > record_end - p) [[unlikely]]
            return next_slow(record);
        record.value_size = static_cast<std::int32_t>(size >> 1);
        p += size >> 1;
    } else {
        if (size != null_size) [[unlikely]]
            return next_slow(record);
        record.value_size = -1;
    }

    // Without headers what is left is one zero byte, the last of the record.
    if (*p != 0 || p + 1 != record_end) [[unlikely]]
        return next_with_headers(record, p, record_end);
    record.headers_data = record_end;
    record.headers_size = 0;
    record.header_count = 0;
    at_ = record_end;
    --records_left_;
    return true;
}

}  // namespace kwire
