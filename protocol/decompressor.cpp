#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include <lz4.h>
#include <snappy.h>
#include <zstd.h>
#include <zstd_errors.h>

#ifdef KWIRE_HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#include <kwire/protocol/decompressor.h>

#include "big_endian.h"
#include "lz4_frame.h"
#include "snappy_framing.h"
#include "xxh32.h"

namespace kwire {

using namespace protocol;

void RecordBuffer::reserve(std::size_t capacity, std::size_t kept) {
    if (data_ && capacity <= capacity_) return;
    // What is not kept need not be copied, which realloc would do.
    if (kept == 0) release();
    auto* const block = static_cast<char*>(std::realloc(data_.get(), capacity + padding));
    if (block == nullptr) throw std::bad_alloc();
    static_cast<void>(data_.release());
    data_.reset(block);
    capacity_ = capacity;
}

void RecordBuffer::set_size(std::size_t size) {
    size_ = size;
    std::memset(data_.get() + size, 0, padding);
}

void RecordBuffer::release() {
    data_.reset();
    size_ = capacity_ = 0;
}

namespace {

constexpr std::size_t window_bytes_max = 128U << 20;

DecodeError error_at(std::string path, std::string what, std::size_t offset = 0) {
    return {std::move(path), std::move(what), offset};
}

DecodeError too_large(const char* codec, std::size_t bytes_max) {
    return error_at(
        codec, "decompresses to more than the " + std::to_string(bytes_max) + " bytes allowed");
}

/// a * b, or the largest value.
std::size_t saturating_product(std::size_t a, std::size_t b) {
    return a != 0 && b > std::numeric_limits<std::size_t>::max() / a
               ? std::numeric_limits<std::size_t>::max()
               : a * b;
}

/// Calls attempt(bytes), which says whether it was enough, with ever larger buffers; false where
/// bytes_max was not enough. A size that the data claims is believed only as far as its codec could
/// reach it: a first guess costs memory.
template <class Attempt>
bool with_enough_room(RecordBuffer& out, std::size_t first_guess, std::size_t bytes_max,
                      Attempt attempt) {
    constexpr std::size_t least = 16 << 10;
    out.reserve(std::min(bytes_max, std::max(first_guess, least)), 0);
    for (;;) {
        const std::size_t room = std::min(out.capacity(), bytes_max);
        if (attempt(room)) return true;
        if (room >= bytes_max) return false;
        out.reserve(std::min(bytes_max, saturating_product(room, 4)), 0);
    }
}

struct FreeZstd {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

#ifdef KWIRE_HAVE_LIBDEFLATE
struct FreeDeflate {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};
using Inflater = std::unique_ptr<libdeflate_decompressor, FreeDeflate>;
#else
struct EndInflate {
    void operator()(z_stream* stream) const {
        inflateEnd(stream);
        delete stream;
    }
};
using Inflater = std::unique_ptr<z_stream, EndInflate>;
#endif

// gzip

constexpr std::size_t deflate_ratio_max = 1032;

std::size_t gzip_size_hint(std::string_view data) {
    // ISIZE: the size of the last member, modulo 4 GB. Mostly there is one member.
    const std::size_t claimed =
        data.size() < 18 ? 0 : load_little_endian32(data.data() + data.size() - 4);
    return std::min(claimed, saturating_product(data.size(), deflate_ratio_max));
}

/// Zeros behind the last member are padding, which Java's reader ignores, too.
bool ends_at(std::string_view data, std::size_t at) {
    return data.find_first_not_of('\0', at) == std::string_view::npos;
}

#ifdef KWIRE_HAVE_LIBDEFLATE

std::optional<DecodeError> gunzip(Inflater& inflater, std::string_view data, std::size_t bytes_max,
                                  RecordBuffer& out) {
    if (!inflater) inflater.reset(libdeflate_alloc_decompressor());
    if (!inflater) throw std::bad_alloc();
    std::size_t size = 0;
    std::size_t at = 0;
    libdeflate_result result = LIBDEFLATE_SUCCESS;
    const bool enough =
        with_enough_room(out, gzip_size_hint(data), bytes_max, [&](std::size_t room) {
            size = at = 0;
            do {
                std::size_t used = 0;
                std::size_t made = 0;
                result = libdeflate_gzip_decompress_ex(inflater.get(), data.data() + at,
                                                       data.size() - at, out.data() + size,
                                                       room - size, &used, &made);
                if (result != LIBDEFLATE_SUCCESS) return result != LIBDEFLATE_INSUFFICIENT_SPACE;
                at += used;
                size += made;
            } while (!ends_at(data, at));
            return true;
        });
    if (!enough) return too_large("gzip", bytes_max);
    if (result != LIBDEFLATE_SUCCESS) return error_at("gzip", "is damaged or cut off", at);
    out.set_size(size);
    return std::nullopt;
}

#else

std::optional<DecodeError> gunzip(Inflater& inflater, std::string_view data, std::size_t bytes_max,
                                  RecordBuffer& out) {
    constexpr int gzip_window_bits = 15 + 16;
    if (!inflater) {
        auto* const stream = new z_stream{};
        if (inflateInit2(stream, gzip_window_bits) != Z_OK) {
            delete stream;
            throw std::bad_alloc();
        }
        inflater.reset(stream);
    } else {
        inflateReset(inflater.get());
    }
    z_stream& stream = *inflater;
    std::size_t at = 0;
    std::size_t size = 0;
    // One more byte than allowed may be written, so that exactly bytes_max is not taken for too
    // much.
    const std::size_t room_max = bytes_max + 1;
    out.reserve(std::min(room_max, std::max<std::size_t>(gzip_size_hint(data) + 1, 16 << 10)), 0);
    for (;;) {
        constexpr std::size_t step_max = 1U << 30;  // avail_in and avail_out are 32 bits wide
        const std::size_t room = std::min(out.capacity(), room_max) - size;
        const std::size_t in = std::min(data.size() - at, step_max);
        const std::size_t space = std::min(room, step_max);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data() + at));
        stream.avail_in = static_cast<uInt>(in);
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
        stream.avail_out = static_cast<uInt>(space);
        const int result = inflate(&stream, Z_NO_FLUSH);
        at += in - stream.avail_in;
        size += space - stream.avail_out;
        if (size > bytes_max) return too_large("gzip", bytes_max);
        if (result == Z_STREAM_END) {
            if (ends_at(data, at)) break;
            inflateReset(&stream);  // a further member
        } else if (result == Z_OK || (result == Z_BUF_ERROR && stream.avail_out == 0)) {
            if (stream.avail_out == 0)
                out.reserve(std::min(room_max, saturating_product(out.capacity(), 4)), size);
            else if (at == data.size())
                return error_at("gzip", "is cut off", at);
        } else {
            return error_at("gzip", "is damaged or cut off", at);
        }
    }
    out.set_size(size);
    return std::nullopt;
}

#endif

// snappy

/// No element of the format makes more than 64 bytes of 3.
bool snappy_size(const char* data, std::size_t size, std::size_t& made) {
    return snappy::GetUncompressedLength(data, size, &made) &&
           made <= saturating_product(size, 22) + 64;
}

std::optional<DecodeError> unsnap_raw(std::string_view data, std::size_t bytes_max,
                                      RecordBuffer& out) {
    std::size_t size = 0;
    if (!snappy_size(data.data(), data.size(), size))
        return error_at("snappy", "has no valid size");
    if (size > bytes_max) return too_large("snappy", bytes_max);
    out.reserve(size, 0);
    if (!snappy::RawUncompress(data.data(), data.size(), out.data()))
        return error_at("snappy", "is damaged");
    out.set_size(size);
    return std::nullopt;
}

/// Calls visit(data, size) for each block of a xerial stream. Streams may follow each other, each
/// with its header.
template <class Visit>
std::optional<DecodeError> for_each_xerial_block(std::string_view data, Visit visit) {
    std::size_t at = 0;
    while (at < data.size()) {
        const std::string_view left = data.substr(at);
        if (left.starts_with(xerial_magic)) {
            if (left.size() < xerial_header_size)
                return error_at("snappy", "the stream's header is cut off", at);
            at += xerial_header_size;
            continue;
        }
        if (left.size() < 4) return error_at("snappy", "the size of a block is cut off", at);
        const auto size = load_big_endian<std::int32_t>(left.data());
        if (size < 0 || static_cast<std::size_t>(size) > left.size() - 4)
            return error_at("snappy", "a block of " + std::to_string(size) + " bytes does not fit",
                            at);
        if (!visit(left.data() + 4, static_cast<std::size_t>(size)))
            return error_at("snappy", "a block is damaged", at);
        at += 4 + static_cast<std::size_t>(size);
    }
    return std::nullopt;
}

std::optional<DecodeError> unsnap_xerial(std::string_view data, std::size_t bytes_max,
                                         RecordBuffer& out) {
    std::size_t total = 0;
    auto error = for_each_xerial_block(data, [&](const char* block, std::size_t size) {
        std::size_t made = 0;
        if (!snappy_size(block, size, made)) return false;
        total += made;
        return true;
    });
    if (error) return error;
    if (total > bytes_max) return too_large("snappy", bytes_max);
    out.reserve(total, 0);
    std::size_t at = 0;
    error = for_each_xerial_block(data, [&](const char* block, std::size_t size) {
        std::size_t made = 0;
        if (!snappy_size(block, size, made) || !snappy::RawUncompress(block, size, out.data() + at))
            return false;
        at += made;
        return true;
    });
    if (error) return error;
    out.set_size(total);
    return std::nullopt;
}

// lz4

class Lz4FrameReader {
 public:
    Lz4FrameReader(std::string_view data, bool old_checksum_allowed, std::size_t bytes_max,
                   RecordBuffer& out)
        : data_(data),
          old_checksum_allowed_(old_checksum_allowed),
          bytes_max_(bytes_max),
          out_(out) {}

    std::optional<DecodeError> read() {
        // Without a better clue: text makes three or four bytes of one.
        out_.reserve(std::min(bytes_max_, saturating_product(data_.size(), 4)), 0);
        do {
            if (!has(4)) return cut_off();
            const std::uint32_t magic = load_little_endian32(data_.data() + at_);
            auto error = (magic & ~std::uint32_t{15}) == lz4_frame::skippable_magic
                             ? skip_frame()
                             : read_frame(magic);
            if (error) return error;
        } while (at_ < data_.size());
        out_.set_size(size_);
        return std::nullopt;
    }

 private:
    bool has(std::size_t bytes) const { return data_.size() - at_ >= bytes; }
    DecodeError error(std::string what) const { return error_at("lz4", std::move(what), at_); }
    DecodeError cut_off() const { return error("is cut off"); }

    std::optional<DecodeError> skip_frame() {
        if (!has(8)) return cut_off();
        const std::size_t size = load_little_endian32(data_.data() + at_ + 4);
        if (!has(8 + size)) return cut_off();
        at_ += 8 + size;
        return std::nullopt;
    }

    std::optional<DecodeError> read_frame(std::uint32_t magic) {
        if (magic != lz4_frame::magic) return error("is no LZ4 frame");
        if (auto bad = read_descriptor()) return bad;
        const std::size_t frame_start = size_;
        for (;;) {
            if (!has(4)) return cut_off();
            const std::uint32_t head = load_little_endian32(data_.data() + at_);
            if (head == 0) break;
            at_ += 4;
            if (auto bad = read_block(head, frame_start)) return bad;
        }
        at_ += 4;
        if (content_size_ && *content_size_ != size_ - frame_start)
            return error("does not have the size it claims");
        if ((flags_ & lz4_frame::content_checksum_bit) != 0)
            return check({out_.data() + frame_start, size_ - frame_start}, "the content");
        return std::nullopt;
    }

    std::optional<DecodeError> read_descriptor() {
        const char* const frame = data_.data() + at_;
        if (!has(7)) return cut_off();
        flags_ = static_cast<unsigned char>(frame[4]);
        const unsigned block_descriptor = static_cast<unsigned char>(frame[5]);
        if ((flags_ & lz4_frame::version_mask) != lz4_frame::version)
            return error("has an unknown version");
        if ((flags_ & lz4_frame::reserved_bit) != 0 || (block_descriptor & 0x8f) != 0)
            return error("has reserved bits set");
        if ((flags_ & lz4_frame::dictionary_bit) != 0) return error("needs a dictionary");
        const unsigned block_size_id = block_descriptor >> 4;
        if (block_size_id < 4) return error("has an unknown block size");
        block_bytes_max_ = std::size_t{1} << (8 + 2 * block_size_id);

        std::size_t size = 6;
        content_size_.reset();
        if ((flags_ & lz4_frame::content_size_bit) != 0) {
            size += 8;
            if (!has(size + 1)) return cut_off();
            content_size_ = load_little_endian32(frame + 6) |
                            std::uint64_t{load_little_endian32(frame + 10)} << 32;
            if (*content_size_ > bytes_max_) return too_large("lz4", bytes_max_);
            reserve_claimed(static_cast<std::size_t>(*content_size_));
        }
        const auto said = static_cast<unsigned char>(frame[size]);
        const auto checksum = [&](std::size_t from) {
            return static_cast<unsigned char>(xxh32({frame + from, size - from}) >> 8);
        };
        if (said != checksum(4) && !(old_checksum_allowed_ && said == checksum(0)))
            return error("has a wrong header checksum");
        at_ += size + 1;
        return std::nullopt;
    }

    void reserve_claimed(std::size_t claimed) {
        constexpr std::size_t lz4_ratio_max = 255;
        out_.reserve(size_ + std::min(claimed, saturating_product(data_.size(), lz4_ratio_max)),
                     size_);
    }

    std::optional<DecodeError> read_block(std::uint32_t head, std::size_t frame_start) {
        const bool is_compressed = (head & lz4_frame::uncompressed_block_bit) == 0;
        const std::size_t in = head & ~lz4_frame::uncompressed_block_bit;
        const bool has_checksum = (flags_ & lz4_frame::block_checksum_bit) != 0;
        if (in > block_bytes_max_) return error("has a block larger than it allows");
        if (!has(in + (has_checksum ? 4 : 0))) return cut_off();
        const char* const block = data_.data() + at_;
        // A block that did not shrink says its size, a compressed one only its largest.
        const std::size_t most = is_compressed ? block_bytes_max_ : in;
        if (out_.capacity() - size_ < most) out_.reserve(size_ + std::max(most, size_), size_);
        std::size_t made = in;
        if (is_compressed) {
            const int result = decompress_block(block, in, frame_start);
            if (result < 0) return error("a block is damaged");
            made = static_cast<std::size_t>(result);
        } else {
            std::memcpy(out_.data() + size_, block, in);
        }
        at_ += in;
        size_ += made;
        if (size_ > bytes_max_) return too_large("lz4", bytes_max_);
        return has_checksum ? check({block, in}, "a block") : std::nullopt;
    }

    int decompress_block(const char* block, std::size_t in, std::size_t frame_start) {
        char* const to = out_.data() + size_;
        const int size = static_cast<int>(in);
        const int room = static_cast<int>(block_bytes_max_);
        if ((flags_ & lz4_frame::independent_blocks_bit) != 0 || size_ == frame_start)
            return LZ4_decompress_safe(block, to, size, room);
        const std::size_t history = std::min(size_ - frame_start, lz4_frame::history_bytes);
        return LZ4_decompress_safe_usingDict(block, to, size, room, to - history,
                                             static_cast<int>(history));
    }

    std::optional<DecodeError> check(std::string_view bytes, const char* name) {
        if (!has(4)) return cut_off();
        if (load_little_endian32(data_.data() + at_) != xxh32(bytes))
            return error(std::string(name) + " has a wrong checksum");
        at_ += 4;
        return std::nullopt;
    }

    std::string_view data_;
    bool old_checksum_allowed_;
    std::size_t bytes_max_;
    RecordBuffer& out_;
    std::size_t at_ = 0;
    std::size_t size_ = 0;
    unsigned flags_ = 0;
    std::size_t block_bytes_max_ = 0;
    std::optional<std::uint64_t> content_size_;
};

// zstd

/// The window of the frame at the start of data (RFC 8878, 3.1.1.1.2); 0 where it is the content's
/// size or unknown.
std::uint64_t zstd_window_bytes(std::string_view data) {
    constexpr std::uint32_t zstd_magic = 0xfd2fb528;
    constexpr unsigned single_segment_bit = 0x20;
    if (data.size() < 6 || load_little_endian32(data.data()) != zstd_magic) return 0;
    if ((static_cast<unsigned char>(data[4]) & single_segment_bit) != 0) return 0;
    const unsigned descriptor = static_cast<unsigned char>(data[5]);
    const std::uint64_t base = std::uint64_t{1} << (10 + (descriptor >> 3));
    return base + base / 8 * (descriptor & 7);
}

std::optional<DecodeError> check_zstd_windows(std::string_view data) {
    for (std::size_t at = 0; at < data.size();) {
        const std::string_view frame = data.substr(at);
        if (zstd_window_bytes(frame) > window_bytes_max)
            return error_at("zstd", "needs a window above 128 MB", at);
        const std::size_t size = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
        if (ZSTD_isError(size) != 0) return error_at("zstd", ZSTD_getErrorName(size), at);
        at += size;
    }
    return std::nullopt;
}

std::optional<DecodeError> unzstd(ZSTD_DCtx* context, std::string_view data, std::size_t bytes_max,
                                  RecordBuffer& out) {
    if (auto error = check_zstd_windows(data)) return error;
    const unsigned long long claimed = ZSTD_getFrameContentSize(data.data(), data.size());
    if (claimed == ZSTD_CONTENTSIZE_ERROR) return error_at("zstd", "is no Zstandard frame");
    constexpr std::size_t ratio_believed = 1024;  // the format allows thirty times that
    std::size_t guess = saturating_product(data.size(), 6);
    if (claimed != ZSTD_CONTENTSIZE_UNKNOWN) {
        if (claimed > bytes_max) return too_large("zstd", bytes_max);
        guess = std::min(static_cast<std::size_t>(claimed),
                         saturating_product(data.size(), ratio_believed));
    }
    // Java's streams do not say their size. Decoding whole into a guessed buffer, and again where
    // it was too small, is still the fastest: the buffer is as large as the largest batch yet, and
    // no window is copied through.
    std::size_t result = 0;
    const bool enough = with_enough_room(out, guess, bytes_max, [&](std::size_t room) {
        result = ZSTD_decompressDCtx(context, out.data(), room, data.data(), data.size());
        return ZSTD_getErrorCode(result) != ZSTD_error_dstSize_tooSmall;
    });
    if (!enough) return too_large("zstd", bytes_max);
    if (ZSTD_isError(result) != 0) return error_at("zstd", ZSTD_getErrorName(result));
    out.set_size(result);
    return std::nullopt;
}

}  // namespace

struct Decompressor::State {
    Inflater inflater;
    std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd;
};

Decompressor::Decompressor() : state_(std::make_unique<State>()) {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

std::optional<DecodeError> Decompressor::decompress(Compression compression, std::int8_t magic,
                                                    std::string_view data, std::size_t bytes_max,
                                                    RecordBuffer& out) {
    switch (compression) {
        case Compression::gzip:
            return gunzip(state_->inflater, data, bytes_max, out);
        case Compression::snappy:
            return data.starts_with(xerial_magic) ? unsnap_xerial(data, bytes_max, out)
                                                  : unsnap_raw(data, bytes_max, out);
        case Compression::lz4:
            return Lz4FrameReader(data, magic < 2, bytes_max, out).read();
        case Compression::zstd:
            if (!state_->zstd) state_->zstd.reset(ZSTD_createDCtx());
            if (!state_->zstd) throw std::bad_alloc();
            return unzstd(state_->zstd.get(), data, bytes_max, out);
        case Compression::none:
            break;
    }
    return error_at("compression",
                    "nothing to decompress: " + std::to_string(static_cast<int>(compression)));
}

}  // namespace kwire
