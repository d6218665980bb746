#include <cassert>
#include <cstddef>
#include <new>

#include <lz4.h>
#include <lz4hc.h>
#include <snappy.h>
#include <zstd.h>

#ifdef KWIRE_HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#include <kwire/protocol/compressor.h>

#include "big_endian.h"
#include "lz4_frame.h"
#include "snappy_framing.h"
#include "xxh32.h"

namespace kwire {

using namespace protocol;

namespace {

struct FreeZstd {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

void append_little_endian32(std::string& out, std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<char>(value >> shift & 255));
}

void gzip(std::string_view data, int level, std::string& out) {
    const std::size_t before = out.size();
#ifdef KWIRE_HAVE_LIBDEFLATE
    // The state differs by level and costs little beside the work; it is made anew.
    auto* const deflater = libdeflate_alloc_compressor(level);
    if (deflater == nullptr) throw std::bad_alloc();
    out.resize(before + libdeflate_gzip_compress_bound(deflater, data.size()));
    const std::size_t size = libdeflate_gzip_compress(deflater, data.data(), data.size(),
                                                      out.data() + before, out.size() - before);
    libdeflate_free_compressor(deflater);
#else
    constexpr int gzip_window_bits = 15 + 16;
    constexpr int memory_level = 8;
    z_stream stream{};
    if (deflateInit2(&stream, level, Z_DEFLATED, gzip_window_bits, memory_level,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
    out.resize(before + deflateBound(&stream, static_cast<uLong>(data.size())));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());  // a batch has less than 2 GB
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(out.size() - before);
    [[maybe_unused]] const int result = deflate(&stream, Z_FINISH);
    assert(result == Z_STREAM_END);
    const std::size_t size = stream.total_out;
    deflateEnd(&stream);
#endif
    assert(size > 0);
    out.resize(before + size);
}

void snap(std::string_view data, std::string& out) {
    out.append(xerial_magic);
    append_big_endian<std::int32_t>(out, 1);
    append_big_endian<std::int32_t>(out, 1);
    for (std::size_t at = 0; at < data.size(); at += xerial_block_bytes) {
        const std::string_view block = data.substr(at, xerial_block_bytes);
        const std::size_t size_at = out.size();
        out.resize(size_at + 4 + snappy::MaxCompressedLength(block.size()));
        std::size_t size = 0;
        snappy::RawCompress(block.data(), block.size(), out.data() + size_at + 4, &size);
        store_big_endian<std::int32_t>(out.data() + size_at, static_cast<std::int32_t>(size));
        out.resize(size_at + 4 + size);
    }
}

void lz4(std::string_view data, std::optional<int> level, bool old_checksum, std::string& out) {
    constexpr std::size_t block_bytes = 64 << 10;
    constexpr char block_size_id = 4;  // that of 64 KB
    const std::size_t frame_at = out.size();
    append_little_endian32(out, lz4_frame::magic);
    out.push_back(static_cast<char>(lz4_frame::version | lz4_frame::independent_blocks_bit));
    out.push_back(static_cast<char>(block_size_id << 4));
    const std::size_t checked_from = frame_at + (old_checksum ? 0 : 4);
    out.push_back(static_cast<char>(xxh32(std::string_view(out).substr(checked_from)) >> 8 & 255));

    for (std::size_t at = 0; at < data.size(); at += block_bytes) {
        const std::string_view block = data.substr(at, block_bytes);
        const std::size_t size_at = out.size();
        const int in = static_cast<int>(block.size());
        const int bound = LZ4_compressBound(in);
        append_little_endian32(out, 0);
        out.resize(size_at + 4 + static_cast<std::size_t>(bound));
        char* const to = out.data() + size_at + 4;
        // Below its own least level the slow compressor is none; the quick one has no levels.
        const int made = level && *level >= LZ4HC_CLEVEL_MIN
                             ? LZ4_compress_HC(block.data(), to, in, bound, *level)
                             : LZ4_compress_default(block.data(), to, in, bound);
        assert(made > 0);
        auto head = static_cast<std::uint32_t>(made);
        if (made < in) {
            out.resize(size_at + 4 + static_cast<std::size_t>(made));
        } else {
            out.resize(size_at + 4);
            out.append(block);
            head = static_cast<std::uint32_t>(in) | lz4_frame::uncompressed_block_bit;
        }
        for (std::size_t i = 0; i < 4; ++i)
            out[size_at + i] = static_cast<char>(head >> (8 * i) & 255);
    }
    append_little_endian32(out, 0);
}

void zstd(ZSTD_CCtx* context, std::string_view data, int level, std::string& out) {
    const std::size_t before = out.size();
    out.resize(before + ZSTD_compressBound(data.size()));
    const std::size_t size = ZSTD_compressCCtx(context, out.data() + before, out.size() - before,
                                               data.data(), data.size(), level);
    if (ZSTD_isError(size) != 0) throw std::bad_alloc();  // the only thing that can be missing here
    out.resize(before + size);
}

}  // namespace

CompressionLevels compression_levels(Compression compression) {
    switch (compression) {
        case Compression::gzip:
            return {1, 9};
        case Compression::lz4:
            return {1, 17};
        case Compression::zstd:
            return {-131072, 22};
        case Compression::none:
        case Compression::snappy:
            break;
    }
    return {};
}

struct Compressor::State {
    std::unique_ptr<ZSTD_CCtx, FreeZstd> zstd;
};

Compressor::Compressor() : state_(std::make_unique<State>()) {}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

void Compressor::compress(Compression compression, std::optional<int> level, std::int8_t magic,
                          std::string_view data, std::string& out) {
    assert(!level || compression_levels(compression).contain(*level));
    switch (compression) {
        case Compression::gzip:
            return gzip(data, level.value_or(6), out);
        case Compression::snappy:
            return snap(data, out);
        case Compression::lz4:
            return lz4(data, level, magic == 0, out);
        case Compression::zstd:
            if (!state_->zstd) state_->zstd.reset(ZSTD_createCCtx());
            if (!state_->zstd) throw std::bad_alloc();
            return zstd(state_->zstd.get(), data, level.value_or(3), out);
        case Compression::none:
            break;
    }
    assert(!"no compression to do");
}

}  // namespace kwire
