// Decompression of records, safe against what a hostile broker or producer may have written.
//
// Purpose: turn a compressed batch into one block of memory, at the speed of the codec: the codec's
// state and the block are kept and used again, and the block is neither zero-filled nor copied
// where its size was foreseen. Invariants: no more memory than bytes_max (and a quarter for growth)
// is taken, whatever sizes the data claims. Threads: one object, one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/record_batch.h>

namespace kwire {

/// A block of memory that grows without filling what it adds. Behind its size lie `padding`
/// readable bytes, so that the record reader may look a few bytes ahead without asking.
class RecordBuffer {
 public:
    static constexpr std::size_t padding = 48;

    char* data() { return data_.get(); }
    const char* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    std::string_view view() const { return {data_.get(), size_}; }

    /// Makes the capacity at least `capacity`, keeping the first `kept` bytes. Throws
    /// std::bad_alloc.
    void reserve(std::size_t capacity, std::size_t kept);
    /// Says how much was written, and makes the padding defined. Precondition: size <= capacity().
    void set_size(std::size_t size);
    void release();

 private:
    struct Free {
        void operator()(char* p) const { std::free(p); }
    };
    std::unique_ptr<char, Free> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

class Decompressor {
 public:
    Decompressor();
    ~Decompressor();
    Decompressor(Decompressor&&) noexcept;
    Decompressor& operator=(Decompressor&&) noexcept;

    /// Replaces out by the whole decompressed data, or says what is wrong with it.
    /// gzip: one or several members. snappy: raw or in the framing of snappy-java ("xerial"). lz4:
    /// frames; with magic 0 and 1 also those whose header checksum is KAFKA-3160's. zstd: one or
    /// several frames, windows to 128 MB. An output larger than bytes_max is an error.
    std::optional<DecodeError> decompress(Compression compression, std::int8_t magic,
                                          std::string_view data, std::size_t bytes_max,
                                          RecordBuffer& out);

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kwire
