// One record as the reader hands it out.
//
// Lifetime: everything in it views the batch or the reader's buffer; see record_reader.h. Copying a
// Record copies no bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <type_traits>

#include <kwire/protocol/record_varint.h>

namespace kwire {

/// A header of a record (KIP-82). The key is never null; the value may be.
struct RecordHeader {
    std::string_view key;
    std::optional<std::string_view> value;

    bool operator==(const RecordHeader&) const = default;
};

/// The headers of a record in the order they were written, parsed while walked. Names may repeat.
class RecordHeaders {
 public:
    RecordHeaders() = default;
    /// Precondition: data holds count headers that RecordReader has walked once.
    RecordHeaders(std::string_view data, std::int32_t count) : data_(data), count_(count) {}

    class Iterator {
     public:
        using iterator_category = std::input_iterator_tag;
        using value_type = RecordHeader;
        using difference_type = std::ptrdiff_t;
        using pointer = const RecordHeader*;
        using reference = const RecordHeader&;

        Iterator() = default;
        Iterator(std::string_view data, std::int32_t count)
            : at_(data.data()), end_(data.data() + data.size()), left_(count) {
            read();
        }
        reference operator*() const { return header_; }
        pointer operator->() const { return &header_; }
        Iterator& operator++() {
            --left_;
            read();
            return *this;
        }
        Iterator operator++(int) {
            Iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.left_ == b.left_; }

     private:
        void read() {
            if (left_ > 0 && !read_header(at_, end_, header_)) left_ = 0;
        }

        const char* at_ = nullptr;
        const char* end_ = nullptr;
        std::int32_t left_ = 0;
        RecordHeader header_;
    };

    Iterator begin() const { return {data_, count_}; }
    Iterator end() const { return {}; }
    std::size_t size() const { return static_cast<std::size_t>(count_); }
    bool empty() const { return count_ == 0; }

    /// Reads the header at p and moves it on; false where it does not fit before end or its key is
    /// null.
    static bool read_header(const char*& p, const char* end, RecordHeader& header) {
        std::int32_t key_size = 0;
        std::int32_t value_size = 0;
        if (!protocol::read_varint(p, end, key_size) || key_size < 0 || key_size > end - p)
            return false;
        header.key = {p, static_cast<std::size_t>(key_size)};
        p += key_size;
        if (!protocol::read_varint(p, end, value_size) || value_size < -1 || value_size > end - p)
            return false;
        header.value.reset();
        if (value_size >= 0) {
            header.value.emplace(p, static_cast<std::size_t>(value_size));
            p += value_size;
        }
        return true;
    }

 private:
    std::string_view data_;
    std::int32_t count_ = 0;
};

/// Kept small and trivially copyable: one is filled for every record that is read. Its timestamp's
/// type is the batch's.
struct Record {
    std::int64_t offset;
    std::int64_t timestamp;  ///< milliseconds since 1970; -1 where there is none
    const char* key_data;
    const char* value_data;
    std::int32_t key_size;    ///< -1: null
    std::int32_t value_size;  ///< -1: null
    const char* headers_data;
    std::int32_t headers_size;
    std::int32_t header_count;

    std::optional<std::string_view> key() const { return nullable(key_data, key_size); }
    std::optional<std::string_view> value() const { return nullable(value_data, value_size); }
    RecordHeaders headers() const {
        return {std::string_view(headers_data, static_cast<std::size_t>(headers_size)),
                header_count};
    }

 private:
    static std::optional<std::string_view> nullable(const char* data, std::int32_t size) {
        if (size < 0) return std::nullopt;
        return std::string_view(data, static_cast<std::size_t>(size));
    }
};

static_assert(std::is_trivially_copyable_v<Record> && sizeof(Record) <= 64);

/// What a record of a control batch says (KIP-98; Kafka's ControlRecordType).
struct ControlRecord {
    enum class Type : std::int16_t { abort = 0, commit = 1 };
    std::int16_t version = 0;
    Type type = Type::abort;  ///< other values exist (KRaft's) and mean nothing to a consumer

    /// Nothing where the key is not that of a control record.
    static std::optional<ControlRecord> parse(const Record& record);
};

}  // namespace kwire
