// Reading records: what a consumer pays for each one between the socket and the user's code.
//
// The data is that of the fetch benchmark: JSON values of 91 bytes, no keys, batches of at most 1
// MB before compression. `items` are records, `bytes` what the broker would send; BM_Crc32c and
// BM_Decompress count their own input and output.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <kwire/protocol/crc32.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/record_batch_builder.h>
#include <kwire/protocol/record_reader.h>

namespace {

using namespace kwire;

constexpr std::int64_t start_time = 1'700'000'000'000;

/// 91 bytes of JSON, different for every number and compressible as such things are.
std::string json_value(std::uint64_t n) {
    const std::uint64_t mixed = n * 0x9e3779b97f4a7c15ULL;
    char text[128];
    std::snprintf(
        text, sizeof text,
        R"({"id":%09llu,"user":"user-%05llu","event":"page_view","ms":%06llu,"amount":%07.2f})",
        static_cast<unsigned long long>(n % 1'000'000'000),
        static_cast<unsigned long long>(mixed >> 47),
        static_cast<unsigned long long>(mixed >> 20 & 0x7ffff),
        static_cast<double>(mixed & 0xfffff) / 128);
    std::string value(text);
    value.resize(91, ' ');
    return value;
}

enum class Format { v0, v1, v2 };

struct Shape {
    Compression compression = Compression::none;
    Format format = Format::v2;
    std::size_t value_bytes = 91;
    std::size_t records_in_batch_max = 1'000'000;
    bool with_header = false;
};

/// About total_bytes of records, before compression.
std::string make_records(const Shape& shape, std::size_t total_bytes) {
    RecordBatchBuilder batches({.compression = shape.compression});
    MessageSetBuilder messages(
        {.magic = static_cast<std::int8_t>(shape.format == Format::v0 ? 0 : 1),
         .compression = shape.compression});
    Compressor compressor;
    std::string out;
    std::size_t made = 0;
    std::size_t in_batch = 0;
    const std::vector<RecordHeader> headers =
        shape.with_header ? std::vector<RecordHeader>{{"trace", "0123456789abcdef"}}
                          : std::vector<RecordHeader>{};
    const auto flush = [&] {
        out += shape.format == Format::v2 ? batches.build(compressor) : messages.build(compressor);
        in_batch = 0;
    };
    for (std::uint64_t n = 0; made < total_bytes; ++n) {
        std::string value = json_value(n);
        value.resize(shape.value_bytes, 'x');
        const std::int64_t time = start_time + static_cast<std::int64_t>(n / 20);
        const auto append = [&] {
            return shape.format == Format::v2 ? batches.append(time, std::nullopt, value, headers)
                                              : messages.append(time, std::nullopt, value);
        };
        if (in_batch == shape.records_in_batch_max || !append()) {
            flush();
            append();
        }
        ++in_batch;
        made += shape.value_bytes + 8;
    }
    if (in_batch > 0) flush();
    return out;
}

/// Not inlined, as a user's own function would not be.
__attribute__((noinline)) void use(const Record& record, std::uint64_t& bytes,
                                   std::int64_t& processed) {
    bytes += record.value_size > 0 ? static_cast<std::uint64_t>(record.value_size) : 0;
    __atomic_store_n(&processed, record.offset, __ATOMIC_RELAXED);
}

void walk(benchmark::State& state, const Shape& shape, bool check_crc,
          std::size_t total_bytes = 4 << 20) {
    const Bytes records = Bytes::own(make_records(shape, total_bytes));
    RecordReader reader;
    std::uint64_t bytes = 0;
    std::int64_t processed = 0;
    std::int64_t count = 0;
    for (auto _ : state) {
        RecordBatchCursor cursor(records);
        RecordBatch batch;
        while (cursor.next(batch)) {
            reader.open(batch, {.check_crc = check_crc});
            for (Record r; reader.next(r); ++count) use(r, bytes, processed);
            if (reader.error()) state.SkipWithError(reader.error()->message().c_str());
        }
    }
    benchmark::DoNotOptimize(bytes);
    state.SetItemsProcessed(count);
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(records.size()));
    state.counters["ns_per_record"] = benchmark::Counter(
        static_cast<double>(count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(walk, none, Shape{}, true);
BENCHMARK_CAPTURE(walk, none_without_crc, Shape{}, false);
BENCHMARK_CAPTURE(walk, lz4, Shape{.compression = Compression::lz4}, true);
BENCHMARK_CAPTURE(walk, zstd, Shape{.compression = Compression::zstd}, true);
BENCHMARK_CAPTURE(walk, snappy, Shape{.compression = Compression::snappy}, true);
BENCHMARK_CAPTURE(walk, gzip, Shape{.compression = Compression::gzip}, true);
BENCHMARK_CAPTURE(walk, one_header_each, Shape{.with_header = true}, true);
BENCHMARK_CAPTURE(walk, value_of_10_bytes, Shape{.value_bytes = 10}, true);
BENCHMARK_CAPTURE(walk, value_of_1_kb, Shape{.value_bytes = 1000}, true);
BENCHMARK_CAPTURE(walk, batches_of_1, Shape{.records_in_batch_max = 1}, true);
BENCHMARK_CAPTURE(walk, batches_of_10, Shape{.records_in_batch_max = 10}, true);
BENCHMARK_CAPTURE(walk, batches_of_100, Shape{.records_in_batch_max = 100}, true);
BENCHMARK_CAPTURE(walk, v1, Shape{.format = Format::v1}, true);
BENCHMARK_CAPTURE(walk, v0, Shape{.format = Format::v0}, true);
BENCHMARK_CAPTURE(walk, v1_lz4, Shape{.compression = Compression::lz4, .format = Format::v1}, true);

/// The same with none of kwire around it: neither bounds nor errors, three lanes of CRC that are
/// never put together. What walk/none takes beyond this is the price of safety.
void BM_BareWalk(benchmark::State& state) {
    const std::string records = make_records({}, 4 << 20);
    const auto big_endian32 = [](const char* p) {
        std::uint32_t v = 0;
        for (int i = 0; i < 4; ++i) v = v << 8 | static_cast<unsigned char>(p[i]);
        return v;
    };
    const auto varint = [](const char*& p) {
        std::uint64_t v = 0;
        for (int shift = 0;; shift += 7) {
            const auto group = static_cast<unsigned char>(*p++);
            v |= std::uint64_t{group & 127U} << shift;
            if (group < 128) break;
        }
        return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
    };
    std::uint64_t bytes = 0;
    std::int64_t processed = 0;
    std::int64_t count = 0;
    std::uint32_t crc = 0;
    for (auto _ : state) {
        for (const char* p = records.data(); p != records.data() + records.size();) {
            const std::size_t size = 12 + big_endian32(p + 8);
            crc ^= protocol::crc32c({p + 21, size - 21});
            const std::uint32_t n = big_endian32(p + 57);
            const char* at = p + 61;
            for (std::uint32_t i = 0; i < n; ++i, ++count) {
                Record r{};
                varint(at);
                ++at;
                r.timestamp = start_time + varint(at);
                r.offset = varint(at);
                r.key_size = static_cast<std::int32_t>(varint(at));
                r.key_data = at;
                at += r.key_size > 0 ? r.key_size : 0;
                r.value_size = static_cast<std::int32_t>(varint(at));
                r.value_data = at;
                at += r.value_size > 0 ? r.value_size : 0;
                for (auto headers = varint(at); headers > 0; --headers) {
                    at += varint(at);
                    at += varint(at);
                }
                use(r, bytes, processed);
            }
            p += size;
        }
    }
    benchmark::DoNotOptimize(crc);
    state.SetItemsProcessed(count);
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(records.size()));
    state.counters["ns_per_record"] = benchmark::Counter(
        static_cast<double>(count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_BareWalk);

/// Headers only: what the thread that receives does.
void BM_Cursor(benchmark::State& state, const Shape& shape) {
    const Bytes records = Bytes::own(make_records(shape, 4 << 20));
    std::int64_t count = 0;
    for (auto _ : state) {
        RecordBatchCursor cursor(records);
        for (RecordBatch batch; cursor.next(batch);) count += batch.record_count;
    }
    state.SetItemsProcessed(count);
    state.counters["ns_per_record"] = benchmark::Counter(
        static_cast<double>(count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(BM_Cursor, batches_of_1, Shape{.records_in_batch_max = 1});
BENCHMARK_CAPTURE(BM_Cursor, v1, Shape{.format = Format::v1});

void BM_Crc32c(benchmark::State& state) {
    const std::string data(static_cast<std::size_t>(state.range(0)), 'x');
    for (auto _ : state) benchmark::DoNotOptimize(protocol::crc32c(data));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
    state.SetLabel(protocol::crc32c_implementation());
}
BENCHMARK(BM_Crc32c)->Arg(64)->Arg(256)->Arg(1 << 10)->Arg(16 << 10)->Arg(1 << 20);

void BM_Crc32cPortable(benchmark::State& state) {
    const std::string data(static_cast<std::size_t>(state.range(0)), 'x');
    for (auto _ : state) benchmark::DoNotOptimize(protocol::crc32c_portable(data));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(BM_Crc32cPortable)->Arg(1 << 20);

/// Bytes are those that come out.
void BM_Decompress(benchmark::State& state, Compression compression) {
    std::string plain;
    for (std::uint64_t n = 0; plain.size() < 1 << 20; ++n) plain += json_value(n);
    std::string packed;
    Compressor().compress(compression, std::nullopt, 2, plain, packed);
    Decompressor decompressor;
    RecordBuffer out;
    for (auto _ : state)
        if (decompressor.decompress(compression, 2, packed, 128 << 20, out))
            state.SkipWithError("does not decompress");
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(plain.size()));
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(plain.size() / 91));
    state.counters["ratio"] =
        static_cast<double>(plain.size()) / static_cast<double>(packed.size());
}
BENCHMARK_CAPTURE(BM_Decompress, lz4, Compression::lz4);
BENCHMARK_CAPTURE(BM_Decompress, zstd, Compression::zstd);
BENCHMARK_CAPTURE(BM_Decompress, snappy, Compression::snappy);
BENCHMARK_CAPTURE(BM_Decompress, gzip, Compression::gzip);

}  // namespace
