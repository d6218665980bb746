// The codecs' formats: what others write beside what Java's clients write, what lies about its
// size, what is damaged.
#include <cstdint>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <kwire/protocol/compressor.h>
#include <kwire/protocol/decompressor.h>

namespace kwire {
namespace {

constexpr std::size_t megabyte = 1 << 20;

std::string text(std::size_t size) {
    std::mt19937 random(7);
    std::string out;
    while (out.size() < size)
        out += "{\"n\":" + std::to_string(random() % 1000) + ",\"kind\":\"event\"}\n";
    out.resize(size);
    return out;
}

std::string packed(Compression codec, std::string_view plain, std::int8_t magic = 2) {
    std::string out;
    Compressor().compress(codec, std::nullopt, magic, plain, out);
    return out;
}

struct Result {
    std::string data;
    std::optional<DecodeError> error;
    std::size_t capacity = 0;
};

Result unpacked(Compression codec, const std::string& data, std::size_t bytes_max = 64 * megabyte,
                std::int8_t magic = 2) {
    Decompressor decompressor;
    RecordBuffer out;
    // In a block of exactly its size, for the sanitizer.
    const std::unique_ptr<char[]> block(new char[data.size()]);
    data.copy(block.get(), data.size());
    auto error = decompressor.decompress(codec, magic, {block.get(), data.size()}, bytes_max, out);
    return {error ? std::string() : std::string(out.view()), std::move(error), out.capacity()};
}

class DecompressorCodec : public ::testing::TestWithParam<Compression> {};

TEST_P(DecompressorCodec, GivesBackEverySize) {
    for (const std::size_t size :
         {0U, 1U, 2U, 100U, 32767U, 32768U, 32769U, 65535U, 65536U, 65537U, 1'000'000U}) {
        const std::string plain = text(size);
        const Result result = unpacked(GetParam(), packed(GetParam(), plain));
        ASSERT_FALSE(result.error) << size << ": " << result.error->message();
        EXPECT_TRUE(result.data == plain) << size;
    }
}

TEST_P(DecompressorCodec, GivesBackWhatDoesNotShrink) {
    std::mt19937 random(1);
    std::string plain(300'000, '\0');
    for (char& c : plain) c = static_cast<char>(random());
    EXPECT_TRUE(unpacked(GetParam(), packed(GetParam(), plain)).data == plain);
}

TEST_P(DecompressorCodec, StopsAtTheLimitWithoutTakingMore) {
    const std::string bomb = packed(GetParam(), std::string(32 * megabyte, 'x'));
    const Result result = unpacked(GetParam(), bomb, megabyte);
    ASSERT_TRUE(result.error);
    EXPECT_NE(result.error->what.find("more than the 1048576 bytes"), std::string::npos)
        << result.error->what;
    EXPECT_LE(result.capacity, 2 * megabyte);
}

TEST_P(DecompressorCodec, ExactlyTheLimitIsAllowed) {
    const std::string plain = text(megabyte);
    const std::string data = packed(GetParam(), plain);
    EXPECT_TRUE(unpacked(GetParam(), data, megabyte).data == plain);
    EXPECT_TRUE(unpacked(GetParam(), data, megabyte - 1).error);
}

TEST_P(DecompressorCodec, CutAnywhereIsAnErrorOrLess) {
    const std::string plain = text(5000);
    const std::string data = packed(GetParam(), plain);
    for (std::size_t cut = 0; cut < data.size(); ++cut) {
        const Result result = unpacked(GetParam(), data.substr(0, cut));
        // A xerial stream has no end: cut between two blocks it is only shorter. The records in it
        // then miss.
        if (!result.error) {
            EXPECT_LT(result.data.size(), plain.size()) << cut;
        }
    }
}

TEST_P(DecompressorCodec, FlippedBitsDoNoHarm) {
    const std::string data = packed(GetParam(), text(2000));
    for (std::size_t bit = 0; bit < 8 * data.size(); ++bit) {
        std::string flipped = data;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        const Result result = unpacked(GetParam(), flipped, megabyte);
        EXPECT_LE(result.capacity, 6 * megabyte);
    }
}

TEST_P(DecompressorCodec, ContextIsGoodAgainAfterAnError) {
    Decompressor decompressor;
    RecordBuffer out;
    const std::string plain = text(10'000);
    const std::string good = packed(GetParam(), plain);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(decompressor.decompress(GetParam(), 2, good.substr(0, 9), megabyte, out));
        EXPECT_FALSE(decompressor.decompress(GetParam(), 2, good, megabyte, out));
        EXPECT_TRUE(out.view() == plain);
    }
}

INSTANTIATE_TEST_SUITE_P(All, DecompressorCodec,
                         ::testing::Values(Compression::gzip, Compression::snappy, Compression::lz4,
                                           Compression::zstd),
                         [](const auto& codec) { return std::string(to_string(codec.param)); });

TEST(DecompressorGzip, SeveralMembersAreOne) {
    const std::string one = text(70'000);
    const std::string two = text(300);
    EXPECT_TRUE(
        unpacked(Compression::gzip, packed(Compression::gzip, one) + packed(Compression::gzip, two))
            .data == one + two);
}

/// Java's GZIPInputStream takes what is no further member for the end.
TEST(DecompressorGzip, ZerosBehindTheLastMemberArePadding) {
    const std::string plain = text(70'000);
    for (const std::size_t zeros : {1U, 8U, 10'000U}) {
        const Result result = unpacked(Compression::gzip, packed(Compression::gzip, plain) + std::string(zeros, '\0'));
        EXPECT_FALSE(result.error) << zeros;
        EXPECT_TRUE(result.data == plain) << zeros;
    }
    EXPECT_TRUE(unpacked(Compression::gzip, packed(Compression::gzip, plain) + std::string("\0\0x", 3)).error);
    EXPECT_TRUE(unpacked(Compression::gzip, std::string(100, '\0')).error);
}

TEST(DecompressorGzip, SizeThatLiesIsAnError) {
    std::string data = packed(Compression::gzip, text(1000));
    data[data.size() - 1] = '\x7f';  // claims 2 GB
    const Result result = unpacked(Compression::gzip, data);
    EXPECT_TRUE(result.error);
    EXPECT_LE(result.capacity, 2 * megabyte);
}

TEST(DecompressorGzip, WhatZlibWroteAsAStream) {
    const std::string plain = text(200'000);
    z_stream stream{};
    ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string data(plain.size(), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(data.data());
    stream.avail_out = static_cast<uInt>(data.size());
    ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    data.resize(stream.total_out);
    deflateEnd(&stream);
    EXPECT_TRUE(unpacked(Compression::gzip, data).data == plain);
}

TEST(DecompressorSnappy, RawIsReadToo) {
    const std::string plain = text(100'000);
    std::string data;
    snappy::Compress(plain.data(), plain.size(), &data);
    EXPECT_TRUE(unpacked(Compression::snappy, data).data == plain);
}

TEST(DecompressorSnappy, StreamsFollowEachOther) {
    const std::string one = text(70'000);
    const std::string two = text(300);
    EXPECT_TRUE(unpacked(Compression::snappy,
                         packed(Compression::snappy, one) + packed(Compression::snappy, two))
                    .data == one + two);
}

TEST(DecompressorSnappy, SizesThatCannotBeAreRefused) {
    EXPECT_TRUE(unpacked(Compression::snappy, "\xff\xff\xff\xff\x0f").error);
    EXPECT_TRUE(unpacked(Compression::snappy, "").error);
    const std::string header = packed(Compression::snappy, "").substr(0, 16);
    EXPECT_FALSE(unpacked(Compression::snappy, header).error);
    EXPECT_TRUE(unpacked(Compression::snappy, header + std::string("\xff\xff\xff\xff", 4)).error);
    EXPECT_TRUE(unpacked(Compression::snappy, header + std::string("\x7f\xff\xff\xff"
                                                                   "abc",
                                                                   7))
                    .error);
    EXPECT_TRUE(unpacked(Compression::snappy, header + std::string("\0\0", 2)).error);
    EXPECT_TRUE(
        unpacked(Compression::snappy, header + std::string("\0\0\0\x05\xff\xff\xff\xff\x0f", 9))
            .error);
}

std::string lz4_frame(const std::string& plain, const LZ4F_preferences_t& preferences) {
    std::string data(LZ4F_compressFrameBound(plain.size(), &preferences), '\0');
    data.resize(
        LZ4F_compressFrame(data.data(), data.size(), plain.data(), plain.size(), &preferences));
    return data;
}

TEST(DecompressorLz4, EveryKindOfFrameIsRead) {
    const std::string plain = text(700'000);
    for (const LZ4F_blockMode_t mode : {LZ4F_blockLinked, LZ4F_blockIndependent})
        for (const LZ4F_blockSizeID_t size :
             {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max1MB, LZ4F_max4MB})
            for (const bool checked : {false, true})
                for (const bool sized : {false, true}) {
                    LZ4F_preferences_t preferences{};
                    preferences.frameInfo.blockMode = mode;
                    preferences.frameInfo.blockSizeID = size;
                    preferences.frameInfo.contentChecksumFlag =
                        checked ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum;
                    preferences.frameInfo.blockChecksumFlag =
                        checked ? LZ4F_blockChecksumEnabled : LZ4F_noBlockChecksum;
                    preferences.frameInfo.contentSize = sized ? plain.size() : 0;
                    const std::string data = lz4_frame(plain, preferences);
                    const Result result = unpacked(Compression::lz4, data);
                    ASSERT_FALSE(result.error) << result.error->message();
                    EXPECT_TRUE(result.data == plain);
                    EXPECT_TRUE(unpacked(Compression::lz4, data + data).data == plain + plain);
                    if (!checked) continue;
                    std::string damaged = data;
                    damaged[damaged.size() / 2] =
                        static_cast<char>(damaged[damaged.size() / 2] ^ 1);
                    EXPECT_TRUE(unpacked(Compression::lz4, damaged).error);
                }
}

TEST(DecompressorLz4, WhatWeWriteIsAFrameToLiblz4) {
    const std::string plain = text(300'000);
    const std::string data = packed(Compression::lz4, plain);
    LZ4F_dctx* context = nullptr;
    ASSERT_EQ(LZ4F_createDecompressionContext(&context, LZ4F_VERSION), 0U);
    std::string out(plain.size() + 1, '\0');
    std::size_t made = out.size();
    std::size_t used = data.size();
    EXPECT_EQ(LZ4F_decompress(context, out.data(), &made, data.data(), &used, nullptr), 0U);
    LZ4F_freeDecompressionContext(context);
    out.resize(made);
    EXPECT_TRUE(out == plain);
}

/// KAFKA-3160: wrong in magic 0, and read there and in magic 1 only.
TEST(DecompressorLz4, OldHeaderChecksum) {
    const std::string plain = text(1000);
    const std::string old = packed(Compression::lz4, plain, 0);
    const std::string right = packed(Compression::lz4, plain, 1);
    EXPECT_NE(old[6], right[6]);
    EXPECT_EQ(right, packed(Compression::lz4, plain, 2));
    EXPECT_EQ(right, old.substr(0, 6) + right[6] + old.substr(7));
    for (const std::int8_t magic : {std::int8_t{0}, std::int8_t{1}, std::int8_t{2}}) {
        EXPECT_EQ(unpacked(Compression::lz4, old, megabyte, magic).error.has_value(), magic == 2);
        EXPECT_FALSE(unpacked(Compression::lz4, right, megabyte, magic).error);
        std::string wrong = right;
        wrong[6] = static_cast<char>(wrong[6] + 1);
        if (wrong[6] == old[6]) wrong[6] = static_cast<char>(wrong[6] + 1);
        EXPECT_TRUE(unpacked(Compression::lz4, wrong, megabyte, magic).error);
    }
}

TEST(DecompressorZstd, StreamsWithoutASizeAndSeveralFrames) {
    const std::string plain = text(3'000'000);
    ZSTD_CCtx* context = ZSTD_createCCtx();
    std::string data(ZSTD_compressBound(plain.size()), '\0');
    ZSTD_outBuffer out{data.data(), data.size(), 0};
    for (std::size_t at = 0; at < plain.size(); at += 100'000) {
        ZSTD_inBuffer in{plain.data() + at, std::min<std::size_t>(100'000, plain.size() - at), 0};
        const bool is_last = at + 100'000 >= plain.size();
        while (ZSTD_compressStream2(context, &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue) !=
                   0 &&
               is_last) {
        }
    }
    ZSTD_freeCCtx(context);
    data.resize(out.pos);
    ASSERT_EQ(ZSTD_getFrameContentSize(data.data(), data.size()), ZSTD_CONTENTSIZE_UNKNOWN);
    EXPECT_TRUE(unpacked(Compression::zstd, data).data == plain);
    EXPECT_TRUE(unpacked(Compression::zstd, data + packed(Compression::zstd, "tail")).data ==
                plain + "tail");
}

TEST(DecompressorZstd, ClaimsAreNotBelieved) {
    // Single segment, content size in 8 bytes: 2^40, and 16 MB of which nothing follows.
    const std::string magic("\x28\xb5\x2f\xfd", 4);
    const std::string huge = magic + std::string("\xe0\0\0\0\0\0\x01\0\0\x01\0\0", 12);
    const std::string large = magic + std::string("\xa0\0\0\0\x01\x01\0\0", 8);
    EXPECT_TRUE(unpacked(Compression::zstd, huge).error);
    const Result result = unpacked(Compression::zstd, large);
    EXPECT_TRUE(result.error);
    EXPECT_LE(result.capacity, megabyte);
}

TEST(DecompressorZstd, WindowsAbove128MegabytesAreRefused) {
    const std::string magic("\x28\xb5\x2f\xfd", 4);
    const std::string empty_last_block("\x01\0\0", 3);
    const auto frame = [&](int window_log) {
        return magic + '\0' + static_cast<char>((window_log - 10) << 3) + empty_last_block;
    };
    EXPECT_FALSE(unpacked(Compression::zstd, frame(27)).error);
    const Result result = unpacked(Compression::zstd, frame(28));
    ASSERT_TRUE(result.error);
    EXPECT_NE(result.error->what.find("window"), std::string::npos);
    EXPECT_TRUE(unpacked(Compression::zstd, frame(27) + frame(30)).error);
}

TEST(Decompressor, NothingToDecompressIsAnError) {
    EXPECT_TRUE(unpacked(Compression::none, "abc").error);
    EXPECT_TRUE(unpacked(static_cast<Compression>(6), "abc").error);
}

TEST(Compressor, LevelsAreTakenAtBothEnds) {
    const std::string plain = text(50'000);
    for (const Compression codec : {Compression::gzip, Compression::lz4, Compression::zstd}) {
        const CompressionLevels levels = compression_levels(codec);
        std::string low;
        std::string high;
        Compressor compressor;
        compressor.compress(codec, levels.first, 2, plain, low);
        compressor.compress(codec, levels.last, 2, plain, high);
        EXPECT_LT(high.size(), low.size()) << to_string(codec);
        EXPECT_TRUE(unpacked(codec, low).data == plain);
        EXPECT_TRUE(unpacked(codec, high).data == plain);
    }
    EXPECT_FALSE(compression_levels(Compression::snappy).contain(1));
}

TEST(Compression, NamesGoThereAndBack) {
    for (const char* name : {"none", "gzip", "snappy", "lz4", "zstd"})
        EXPECT_EQ(to_string(compression_from_string(name).value()), name);
    EXPECT_FALSE(compression_from_string("brotli"));
    EXPECT_EQ(to_string(static_cast<Compression>(5)), "unknown");
    EXPECT_EQ(to_string(static_cast<Compression>(-1)), "unknown");
}

}  // namespace
}  // namespace kwire
