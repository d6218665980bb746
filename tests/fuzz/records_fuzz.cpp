// libFuzzer: any bytes as the `records` field of a Fetch response. The first byte picks whether
// CRCs are checked (mostly not: an input with a right CRC is hard to hit on) and whether wrapped
// data is given to a codec alone.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include <kwire/protocol/aborted_transactions.h>
#include <kwire/protocol/decompressor.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/record_reader.h>

namespace {

using namespace kwire;

constexpr std::size_t decompressed_bytes_max = 4 << 20;

/// Reads every byte, so that the sanitizer sees a view that is too long.
void touch(std::optional<std::string_view> bytes) {
    static volatile unsigned char sum = 0;
    if (!bytes) return;
    for (const char c : *bytes)
        sum = static_cast<unsigned char>(sum + static_cast<unsigned char>(c));
}

void read_records(std::string_view data, bool check_crc) {
    const std::shared_ptr<char[]> block(new char[data.size()]);
    std::memcpy(block.get(), data.data(), data.size());
    RecordBatchCursor cursor(Bytes(block, {block.get(), data.size()}));
    AbortedTransactions aborted({{1, 0}, {2, 10}});
    const RecordReaderOptions options{.check_crc = check_crc,
                                      .decompressed_bytes_max = decompressed_bytes_max};
    RecordReader reader;
    std::size_t position = 0;
    for (RecordBatch batch; cursor.next(batch);) {
        if (cursor.position() <= position || batch.next_offset() <= 0) std::abort();
        position = cursor.position();
        if (aborted.judge(batch, reader, options) == BatchVerdict::corrupt) continue;
        if (!reader.open(batch, options)) continue;
        for (Record r; reader.next(r);) {
            if (r.offset < 0 || r.offset > batch.last_offset) std::abort();
            touch(r.key());
            touch(r.value());
            for (const RecordHeader& h : r.headers()) {
                touch(h.key);
                touch(h.value);
            }
        }
    }
}

void decompress(std::string_view data, Compression compression) {
    static Decompressor decompressor;
    RecordBuffer out;
    if (!decompressor.decompress(compression, static_cast<std::int8_t>(data.size() % 3), data,
                                 decompressed_bytes_max, out)) {
        if (out.size() > decompressed_bytes_max) std::abort();
        touch(out.view());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    const unsigned mode = data[0] % 8;
    if (mode >= 1 && mode <= 4)
        decompress(input, static_cast<Compression>(mode));
    else
        read_records(input, mode == 0);
    return 0;
}
