#include <algorithm>
#include <charconv>
#include <utility>

#include <kwire/protocol/crc32.h>
#include <kwire/protocol/segment_files.h>

#include "big_endian.h"
#include "record_batch_layout.h"

namespace kwire {
namespace {

using protocol::load_big_endian;

/// Reads numbers one behind the other. Precondition: they are there.
class Numbers {
 public:
    explicit Numbers(const char* at) : at_(at) {}
    template <class T>
    T next() {
        const T value = load_big_endian<T>(at_);
        at_ += sizeof(T);
        return value;
    }

 private:
    const char* at_;
};

/// An index tells offsets relative to its first one. False where the sum is none that an offset can
/// be: the file has a name that no broker gave it.
bool add_offset(std::int64_t base_offset, std::int32_t relative, std::int64_t& offset) {
    return !__builtin_add_overflow(base_offset, std::int64_t{relative}, &offset);
}

namespace layout = protocol;

// How often a search reads the segment: bytes that only look like a batch may claim all that follows.
constexpr std::size_t searches_max = 16;

/// Whether the header of a v2 batch can be right; `data` is the whole batch.
bool sound_v2(std::string_view data) {
    namespace at = layout::batch_v2;
    if (data.size() < at::header_size) return false;
    constexpr int attributes_known = 0x7f;
    const char* const p = data.data();
    const auto attributes = load_big_endian<std::uint16_t>(p + at::attributes_at);
    return (attributes & ~attributes_known) == 0 && (attributes & layout::compression_mask) <= 4 &&
           load_big_endian<std::int32_t>(p + at::last_offset_delta_at) >= 0 &&
           load_big_endian<std::int32_t>(p + at::record_count_at) >= 0;
}

bool sound_message(std::string_view data, std::int8_t magic) {
    if (data.size() < layout::message::size_min(magic)) return false;
    const auto attributes = static_cast<unsigned char>(data[layout::message::attributes_at]);
    return attributes <= 0x0f && (attributes & layout::compression_mask) <= 3;
}

/// The bytes that the CRC of what begins here covers, and that CRC; nothing where no batch can begin.
struct Candidate {
    std::string_view covered;
    std::uint32_t crc = 0;
    bool is_v2 = false;
};
std::optional<Candidate> candidate(std::string_view segment, std::size_t at) {
    if (segment.size() - at <= layout::magic_at) return std::nullopt;
    const auto magic = static_cast<std::int8_t>(segment[at + layout::magic_at]);
    if (magic < 0 || magic > 2) return std::nullopt;
    const auto end = end_of_batch(segment, at);
    if (!end || load_big_endian<std::int64_t>(segment.data() + at) < 0) return std::nullopt;
    const std::string_view data = segment.substr(at, *end - at);
    if (magic == 2 ? !sound_v2(data) : !sound_message(data, magic)) return std::nullopt;
    const std::size_t crc_at = magic == 2 ? layout::batch_v2::crc_at : layout::message::crc_at;
    const std::size_t covered_at = crc_at + 4;
    return Candidate{data.substr(covered_at), load_big_endian<std::uint32_t>(data.data() + crc_at), magic == 2};
}

std::string beyond(std::int64_t base_offset) {
    return std::string("the offset is beyond 2^63 - 1, for the file's name says that it begins at ")
        .append(std::to_string(base_offset));
}

/// Entries of one size to the end of the file or to the first that is `unused`. `read` makes an
/// entry of bytes and says what is wrong with it, if anything.
template <class Entry, class Read>
SegmentEntries<Entry> read_entries(std::string_view file, const char* path, std::size_t size,
                                   bool may_be_unused, Read read) {
    SegmentEntries<Entry> result;
    const std::size_t last_used = file.find_last_not_of('\0');
    const std::size_t used = last_used == std::string_view::npos ? 0 : last_used + 1;
    for (std::size_t at = 0; at < file.size(); at += size) {
        const auto fail = [&](std::string what) {
            std::string where(path);
            where.append("[").append(std::to_string(result.entries.size())).append("]");
            result.error = DecodeError{std::move(where), std::move(what), at};
        };
        // No entry is all zeros: a segment's first batch has none.
        if (may_be_unused && at >= used) {
            result.unused_bytes = file.size() - at;
            break;
        }
        if (file.size() - at < size) {
            std::string what("needs ");
            what.append(std::to_string(size)).append(" bytes, ");
            fail(what.append(std::to_string(file.size() - at)).append(" left"));
            break;
        }
        Entry entry;
        std::string problem = read(Numbers(file.data() + at), entry, result.entries);
        if (!problem.empty()) {
            fail(std::move(problem));
            break;
        }
        result.entries.push_back(entry);
    }
    return result;
}

std::string descends(const char* what, std::int64_t before, std::int64_t value) {
    std::string text(what);
    text.append(" ").append(std::to_string(value)).append(" stands behind ");
    return text.append(std::to_string(before)).append("; the broker rebuilds such an index");
}

}  // namespace

std::optional<std::size_t> end_of_batch(std::string_view segment, std::size_t at) {
    const std::string_view left = segment.substr(at);
    if (left.size() < layout::log_overhead) return std::nullopt;
    const auto size = load_big_endian<std::int32_t>(left.data() + layout::size_at);
    constexpr std::size_t size_min = layout::message::size_min(0) - layout::log_overhead;
    if (size < static_cast<std::int32_t>(size_min)) return std::nullopt;
    const std::size_t whole = layout::log_overhead + static_cast<std::size_t>(size);
    if (whole > left.size()) return std::nullopt;
    return at + whole;
}

BatchSearch::BatchSearch(std::string_view segment)
    : segment_(segment), may_read_(searches_max * segment.size()) {}

bool BatchSearch::begins_at(std::size_t at) {
    if (at >= segment_.size()) return false;
    const auto found = candidate(segment_, at);
    if (!found || found->covered.size() > may_read_) return false;
    may_read_ -= found->covered.size();
    return found->crc == (found->is_v2 ? protocol::crc32c(found->covered) : protocol::crc32(found->covered));
}

std::optional<std::size_t> BatchSearch::next(std::size_t from) {
    for (std::size_t at = from; at < segment_.size(); ++at) {
        if (begins_at(at)) return at;
    }
    return std::nullopt;
}

std::optional<SegmentFile> segment_file_of(std::string_view name) {
    for (const std::string_view ending : {".deleted", ".cleaned", ".swap"}) {
        if (name.ends_with(ending)) name.remove_suffix(ending.size());
    }
    if (name.ends_with(".log") || name.ends_with(".checkpoint")) return SegmentFile::records;
    if (name.ends_with(".timeindex")) return SegmentFile::time_index;
    if (name.ends_with(".txnindex")) return SegmentFile::transaction_index;
    if (name.ends_with(".index")) return SegmentFile::offset_index;
    if (name.ends_with(".snapshot")) return SegmentFile::producer_snapshot;
    return std::nullopt;
}

std::optional<std::int64_t> base_offset_of(std::string_view name) {
    std::int64_t offset = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), offset);
    if (error != std::errc{} || end == name.data() || offset < 0) return std::nullopt;
    return offset;
}

SegmentEntries<OffsetIndexEntry> read_offset_index(std::string_view file,
                                                   std::int64_t base_offset) {
    return read_entries<OffsetIndexEntry>(
        file, "index", 8, true,
        [base_offset](Numbers numbers, OffsetIndexEntry& entry, const auto& before) {
            if (!add_offset(base_offset, numbers.next<std::int32_t>(), entry.offset)) {
                return beyond(base_offset);
            }
            entry.position = numbers.next<std::int32_t>();
            if (!before.empty() && entry.offset <= before.back().offset) {
                return descends("offset", before.back().offset, entry.offset);
            }
            if (!before.empty() && entry.position <= before.back().position) {
                return descends("position", before.back().position, entry.position);
            }
            return std::string();
        });
}

SegmentEntries<TimeIndexEntry> read_time_index(std::string_view file, std::int64_t base_offset) {
    return read_entries<TimeIndexEntry>(
        file, "timeindex", 12, true,
        [base_offset](Numbers numbers, TimeIndexEntry& entry, const auto& before) {
            entry.timestamp = numbers.next<std::int64_t>();
            if (!add_offset(base_offset, numbers.next<std::int32_t>(), entry.offset)) {
                return beyond(base_offset);
            }
            if (!before.empty() && entry.timestamp < before.back().timestamp) {
                return descends("timestamp", before.back().timestamp, entry.timestamp);
            }
            if (!before.empty() && entry.offset < before.back().offset) {
                return descends("offset", before.back().offset, entry.offset);
            }
            return std::string();
        });
}

SegmentEntries<TransactionIndexEntry> read_transaction_index(std::string_view file) {
    return read_entries<TransactionIndexEntry>(
        file, "txnindex", 34, false,
        [](Numbers numbers, TransactionIndexEntry& entry, const auto&) {
            entry.version = numbers.next<std::int16_t>();
            entry.producer_id = numbers.next<std::int64_t>();
            entry.first_offset = numbers.next<std::int64_t>();
            entry.last_offset = numbers.next<std::int64_t>();
            entry.last_stable_offset = numbers.next<std::int64_t>();
            if (entry.version == 0) return std::string();
            return std::string("has version ").append(std::to_string(entry.version));
        });
}

SegmentEntries<ProducerSnapshotEntry> read_producer_snapshot(std::string_view file) {
    constexpr std::size_t header = 2 + 4 + 4;  // version, CRC, count
    constexpr std::size_t entry_bytes = 46;
    const auto fail = [](std::string what, std::size_t at) {
        SegmentEntries<ProducerSnapshotEntry> result;
        result.error = DecodeError{"snapshot", std::move(what), at};
        return result;
    };
    if (file.size() < header) {
        return fail(std::string("needs 10 bytes, ").append(std::to_string(file.size())), 0);
    }
    Numbers numbers(file.data());
    const auto version = numbers.next<std::int16_t>();
    const auto crc = numbers.next<std::uint32_t>();
    const auto count = numbers.next<std::int32_t>();
    if (version != 1) return fail(std::string("has version ").append(std::to_string(version)), 0);
    auto result = read_entries<ProducerSnapshotEntry>(
        file.substr(header), "snapshot", entry_bytes, false,
        [](Numbers entry_numbers, ProducerSnapshotEntry& entry, const auto&) {
            entry.producer_id = entry_numbers.next<std::int64_t>();
            entry.epoch = entry_numbers.next<std::int16_t>();
            entry.last_sequence = entry_numbers.next<std::int32_t>();
            entry.last_offset = entry_numbers.next<std::int64_t>();
            entry.offset_delta = entry_numbers.next<std::int32_t>();
            entry.timestamp = entry_numbers.next<std::int64_t>();
            entry.coordinator_epoch = entry_numbers.next<std::int32_t>();
            entry.current_txn_first_offset = entry_numbers.next<std::int64_t>();
            return std::string();
        });
    if (result.error) {
        result.error->offset += header;
    } else if (static_cast<std::int64_t>(result.entries.size()) != count) {
        result.error =
            DecodeError{"snapshot",
                        std::string("claims ").append(std::to_string(count)) +
                            " producers and has " + std::to_string(result.entries.size()),
                        6};
    } else if (protocol::crc32c(file.substr(6)) != crc) {
        result.error = DecodeError{"snapshot", "its CRC is wrong", 2};
    }
    return result;
}

}  // namespace kwire
