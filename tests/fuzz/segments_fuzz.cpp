// libFuzzer: any bytes as a segment's index of offsets, of times, of transactions, as a snapshot of
// producers, or as records between which batches are searched for; the first byte picks which. (What is in
// batches is records_fuzz's.)
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <kwire/protocol/crc32.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/segment_files.h>

namespace {

template <class Entry>
void check(const kwire::SegmentEntries<Entry>& read, std::size_t size, std::size_t entry_bytes) {
    if (read.entries.size() * entry_bytes + read.unused_bytes > size) std::abort();
    if (read.error && read.error->offset > size) std::abort();
}

/// A snapshot with the CRC that belongs to it: hardly any input has that by itself.
std::string sealed(std::string_view snapshot) {
    constexpr std::size_t crc_at = 2;
    constexpr std::size_t covered_from = 6;
    std::string file(snapshot);
    if (file.size() < covered_from) return file;
    const std::uint32_t crc = kwire::protocol::crc32c(snapshot.substr(covered_from));
    for (std::size_t i = 0; i < 4; ++i) {
        file[crc_at + i] = static_cast<char>(crc >> (24 - 8 * i) & 0xff);
    }
    return file;
}

/// Whatever is found is a batch, also for who reads it.
void search(std::string_view segment) {
    kwire::BatchSearch search(segment);
    for (std::size_t from = 0; from < segment.size();) {
        const auto found = search.next(from);
        if (!found) return;
        const auto end = kwire::end_of_batch(segment, *found);
        if (*found < from || !end || *end <= *found || *end > segment.size()) std::abort();
        kwire::RecordBatchCursor cursor(kwire::Bytes(nullptr, segment.substr(*found, *end - *found)));
        kwire::RecordBatch batch;
        if (!cursor.next(batch) || batch.size_bytes() != *end - *found) std::abort();
        from = *end;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view file(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 5) {
        case 0:
            check(kwire::read_offset_index(file, 1000), file.size(), 8);
            break;
        case 1:
            check(kwire::read_time_index(file, 1000), file.size(), 12);
            break;
        case 2:
            check(kwire::read_transaction_index(file), file.size(), 34);
            break;
        case 4:
            search(file);
            break;
        default:
            check(kwire::read_producer_snapshot(file), file.size(), 46);
            check(kwire::read_producer_snapshot(sealed(file)), file.size(), 46);
    }
    return 0;
}
