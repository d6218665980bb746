#include "log_records.h"

#include <algorithm>
#include <optional>

#include <kwire/protocol/record_reader.h>
#include <kwire/protocol/records_json.h>
#include <kwire/protocol/segment_files.h>

#include "message_text.h"
#include "numbers.h"

namespace kwire::tools {
namespace {

/// Walks one file; an object so that what is shown of a batch can be put together in parts.
class Walk {
 public:
    Walk(std::string& out, const std::string& file_name, const LogRecordsOptions& options)
        : out_(out), file_name_(file_name), options_(options) {}

    /// Returns how many of the batch's bytes are done with: of a run of messages those behind a damaged
    /// one are still to be read.
    std::size_t batch(RecordBatch batch, std::size_t position) {
        records_.clear();
        seen_ = {};
        if (is_run(batch)) widen(batch);
        const std::uint64_t count = read(batch);
        const auto& error = reader_.error();
        if (error && is_run(batch)) end_behind_damage(batch, count);
        // Only its records say where a wrapper begins.
        if (batch.magic < 2 && seen_.first >= 0) batch.base_offset = std::min(batch.base_offset, seen_.first);
        note_order(batch, error.has_value());
        if (options_.json) {
            append_json_line(batch, position, count, error);
        } else {
            append_text_line(batch, position, count, error);
        }
        ++summary_.batches;
        summary_.records += count;
        if (error) ++summary_.damaged;
        if (!seen_.backwards.empty()) ++summary_.backwards;
        if (summary_.first_offset < 0) summary_.first_offset = batch.base_offset;
        summary_.next_offset = batch.next_offset();
        return batch.size_bytes();
    }

    bool damaged() const { return reader_.error().has_value(); }

    /// Bytes in which there is no batch.
    void skip(std::size_t position, std::size_t bytes, const std::string& why) {
        const std::string place = show_count(bytes) + (bytes == 1 ? " byte" : " bytes") + " at " +
                                  std::to_string(position) + " (" + why + ")";
        if (options_.json) {
            out_ += "{\"file\":";
            append_json_string(out_, file_name_);
            out_ += ",\"position\":" + std::to_string(position) + ",\"bytes\":" + std::to_string(bytes) +
                    ",\"skipped\":true,\"error\":";
            append_json_string(out_, why);
            out_ += "}\n";
        } else {
            out_ += "SKIPPED: " + place + '\n';
        }
        if (summary_.skips == 0) summary_.skipped = place;
        ++summary_.skips;
        summary_.skipped_bytes += bytes;
    }

    LogRecordsSummary& summary() { return summary_; }

 private:
    /// A run of uncompressed messages, each with a CRC of its own.
    static bool is_run(const RecordBatch& batch) { return batch.magic < 2 && batch.record_count > 1; }

    /// A run's ends are its first and last message's; its reader takes no offset outside of them.
    static void widen(RecordBatch& batch) {
        for (std::size_t end = 0; end < batch.data.size();) {
            const auto message = message_at(batch.data, end);
            if (!message) return;
            batch.base_offset = std::min(batch.base_offset, message->base_offset);
            batch.last_offset = std::max(batch.last_offset, message->base_offset);
        }
    }

    /// A single message of a run; `at` is moved behind it.
    static std::optional<RecordBatch> message_at(std::string_view run, std::size_t& at) {
        const auto end = end_of_batch(run, at);
        if (!end) return std::nullopt;
        RecordBatch message;
        RecordBatchCursor cursor(Bytes(nullptr, run.substr(at, *end - at)));
        if (!cursor.next(message)) return std::nullopt;
        at = *end;
        return message;
    }

    /// Leaves in the run what was read and the damaged message behind it.
    static void end_behind_damage(RecordBatch& batch, std::uint64_t count) {
        std::size_t end = 0;
        std::uint64_t messages = 0;
        for (; messages <= count && end < batch.data.size(); ++messages) {
            const auto message = message_at(batch.data, end);
            if (!message) return;
            batch.last_offset = message->last_offset;
        }
        batch.data = batch.data.substr(0, end);
        batch.record_count = static_cast<std::int32_t>(messages);
    }

    /// Offsets only ever grow within a segment. What a damaged batch says of its own is not believed.
    void note_order(const RecordBatch& batch, bool is_damaged) {
        if (is_damaged) return;
        const std::int64_t first = seen_.first >= 0 ? seen_.first : batch.base_offset;
        if (seen_.backwards.empty() && last_offset_ && first <= *last_offset_) {
            seen_.backwards = std::to_string(first) + " follows " + std::to_string(*last_offset_);
        }
        last_offset_ = batch.last_offset;
    }

    /// Reads all records, so that every CRC is checked, and shows them if that is asked for.
    std::uint64_t read(const RecordBatch& batch) {
        std::uint64_t count = 0;
        if (!reader_.open(batch, {})) return 0;
        for (Record record; reader_.next(record); ++count) {
            note_record(record.offset);
            if (!options_.records) continue;
            if (options_.json) {
                if (count > 0) records_ += ',';
                append_record_json(batch, record);
            } else {
                append_record_text(batch, record);
            }
        }
        return count;
    }

    void note_record(std::int64_t offset) {
        if (seen_.first < 0) seen_.first = offset;
        if (seen_.backwards.empty() && offset <= seen_.last) {
            seen_.backwards = std::to_string(offset) + " follows " + std::to_string(seen_.last);
        }
        seen_.last = offset;
    }

    bool append_known(const RecordBatch& batch, const Record& record) {
        if (!options_.show) return false;
        const std::size_t before = records_.size();
        options_.show(records_, batch, record);
        return records_.size() > before;
    }

    void append_record_json(const RecordBatch& batch, const Record& record) {
        records_ += "{\"offset\":" + std::to_string(record.offset) +
                    ",\"timestamp\":" + std::to_string(record.timestamp);
        records_ += ",\"decoded\":";
        if (append_known(batch, record)) {
            records_ += '}';
            return;
        }
        records_.resize(records_.size() - std::string_view(",\"decoded\":").size());
        records_ += ",\"key\":";
        append_nullable(records_, record.key());
        records_ += ",\"value\":";
        append_value(record);
        append_headers(record);
        records_ += '}';
    }

    void append_value(const Record& record) {
        const bool hides = options_.secrets == protocol::Secrets::hidden;
        if (hides && protocol::is_secret_record(record.key(), record.value())) {
            records_ += protocol::hidden_json;
        } else {
            append_nullable(records_, record.value());
        }
    }

    void append_headers(const Record& record) {
        if (record.header_count == 0) return;
        records_ += ",\"headers\":[";
        bool first = true;
        for (const auto& [key, value] : record.headers()) {
            records_ += first ? "[" : ",[";
            first = false;
            append_json_string(records_, key);
            records_ += ',';
            append_nullable(records_, value);
            records_ += ']';
        }
        records_ += ']';
    }

    void append_record_text(const RecordBatch& batch, const Record& record) {
        records_ +=
            "    " + std::to_string(record.offset) + "  " + show_timestamp(record.timestamp) + "  ";
        if (!append_known(batch, record)) {
            append_nullable(records_, record.key());
            records_ += " = ";
            append_value(record);
            append_headers(record);
        }
        records_ += '\n';
    }

    void append_json_line(const RecordBatch& batch, std::size_t position, std::uint64_t count,
                          const std::optional<DecodeError>& error) {
        out_ += "{\"file\":";
        append_json_string(out_, file_name_);
        const auto number = [this](const char* name, std::int64_t value) {
            out_.append(",\"").append(name).append("\":");
            out_ += std::to_string(value);
        };
        number("position", static_cast<std::int64_t>(position));
        number("bytes", static_cast<std::int64_t>(batch.size_bytes()));
        number("base_offset", batch.base_offset);
        number("last_offset", batch.last_offset);
        number("count", static_cast<std::int64_t>(count));
        number("magic", batch.magic);
        out_.append(",\"compression\":\"").append(to_string(batch.compression));
        out_.append("\",\"timestamp_type\":\"").append(protocol::kafka_name(batch.timestamp_type)) += '"';
        number("max_timestamp", batch.max_timestamp);
        if (batch.magic >= 2) {
            number("partition_leader_epoch", batch.partition_leader_epoch);
            number("producer_id", batch.producer_id);
            number("producer_epoch", batch.producer_epoch);
            number("base_sequence", batch.base_sequence);
            out_ += batch.is_transactional ? ",\"transactional\":true" : ",\"transactional\":false";
            out_ += batch.is_control ? ",\"control\":true" : ",\"control\":false";
        }
        number("crc", batch.crc);
        if (options_.records) out_ += ",\"records\":[" + records_ + ']';
        if (!seen_.backwards.empty()) out_ += ",\"offsets_go_back\":\"" + seen_.backwards + '"';
        if (error) {
            out_ += ",\"error\":";
            append_json_string(out_, error->message());
        }
        out_ += "}\n";
    }

    void append_text_line(const RecordBatch& batch, std::size_t position, std::uint64_t count,
                          const std::optional<DecodeError>& error) {
        out_ += std::to_string(batch.base_offset) + " to " + std::to_string(batch.last_offset) +
                "  " + std::to_string(count) + " records  v" +
                std::to_string(static_cast<int>(batch.magic)) + "  ";
        out_ += to_string(batch.compression);
        out_ += "  " + std::to_string(batch.size_bytes()) + " bytes at " +
                std::to_string(position) + "  " + show_timestamp(batch.max_timestamp);
        if (batch.magic >= 2) {
            out_ += "  epoch " + std::to_string(batch.partition_leader_epoch);
            if (batch.producer_id >= 0) {
                out_ += "  producer " + std::to_string(batch.producer_id) + " epoch " +
                        std::to_string(batch.producer_epoch) + " from " +
                        std::to_string(batch.base_sequence);
            }
            if (batch.is_transactional) out_ += "  transactional";
            if (batch.is_control) out_ += "  control";
        }
        if (!seen_.backwards.empty()) out_ += "  OFFSETS GO BACK: " + seen_.backwards;
        out_ += error ? "  DAMAGED: " + error->message() + '\n' : "\n";
        out_ += records_;
    }

    std::string& out_;
    const std::string& file_name_;
    const LogRecordsOptions& options_;
    RecordReader reader_;
    std::string records_;  // of the batch at hand
    struct {
        std::int64_t first = -1;
        std::int64_t last = -1;
        std::string backwards;  // in words, if they go back
    } seen_;                    // the offsets in it
    std::optional<std::int64_t> last_offset_;  // of the batch before
    LogRecordsSummary summary_;
};

}  // namespace

std::string show_timestamp(std::int64_t milliseconds) {
    if (milliseconds == -1) return "-";
    std::string shown;
    append_utc(shown, milliseconds, 1000);
    return shown;
}

namespace {

/// How many zeros there are from `at` on.
std::size_t zeros_at(std::string_view segment, std::size_t at) {
    const std::size_t end = segment.find_first_not_of('\0', at);
    return (end == std::string_view::npos ? segment.size() : end) - at;
}

// A batch begins with its offset, which may itself begin with zeros.
constexpr std::size_t zeros_of_a_batch = 16;

/// A segment from end to end, whatever is between its batches.
class SegmentWalk {
 public:
    SegmentWalk(Walk& walk, const Bytes& file, const std::function<bool()>& flush)
        : walk_(walk), file_(file), flush_(flush), search_(file.view()) {}

    void run() {
        LogRecordsSummary& summary = walk_.summary();
        for (std::size_t position = 0; position < file_.size();) {
            const Stretch stretch = read_from(position);
            if (stretch.stopped) return;
            position = stretch.end;
            if (stretch.problem.empty()) continue;
            if (!stretch.misled && zeros_at(file_.view(), position) == file_.size() - position) {
                summary.unused_bytes = file_.size() - position;
                return;
            }
            const Detour detour = find_way(stretch);
            if (!detour.to) {
                summary.cut_off_bytes = stretch.cut_off_bytes;
                if (stretch.cut_off_bytes == 0) summary.broken = stretch.problem;
                return;
            }
            walk_.skip(position, *detour.to - position, detour.why);
            if (!flush_()) return;
            position = *detour.to;
        }
    }

 private:
    /// Batches that follow each other.
    struct Stretch {
        std::size_t end = 0;
        bool stopped = false;  ///< nobody wants more
        std::string problem;   ///< why there is no batch at its end; empty: there may be one
        bool misled = false;   ///< the damaged batch at its end has a wrong size
        std::size_t cut_off_bytes = 0;
    };
    /// Where reading goes on behind a place that is no batch, and why it is none.
    struct Detour {
        std::optional<std::size_t> to;
        std::string why;
    };

    Stretch read_from(std::size_t begin) {
        RecordBatchCursor cursor(file_.slice(begin, file_.size() - begin));
        Stretch stretch{.end = begin, .problem = {}};
        for (RecordBatch batch; cursor.next(batch);) {
            const std::size_t done = walk_.batch(batch, stretch.end);
            stretch.stopped = !flush_();
            if (stretch.stopped || done < batch.size_bytes()) {
                stretch.end += done;
                return stretch;
            }
            const std::size_t behind = begin + cursor.position();
            if (walk_.damaged() && swallows_another(stretch.end, behind)) {
                stretch.problem = "a damaged batch, and none begins where it ends";
                stretch.misled = true;
                return stretch;
            }
            stretch.end = behind;
        }
        if (auto error = cursor.error()) {
            error->offset += begin;
            stretch.problem = error->message();
        } else if (cursor.truncated_bytes() > 0) {
            stretch.problem = "the beginning of a batch that is not there whole";
            stretch.cut_off_bytes = cursor.truncated_bytes();
        }
        return stretch;
    }

    /// Whether the size of a damaged batch is wrong, so that a sound one begins inside of what it claims.
    bool swallows_another(std::size_t begin, std::size_t end) {
        if (end == file_.size() || zeros_at(file_.view(), end) > zeros_of_a_batch) return false;
        if (search_.begins_at(end)) return false;
        const auto sound = search_.next(begin + 1);
        return sound && *sound < end;
    }

    Detour find_way(const Stretch& stretch) {
        const std::string_view segment = file_.view();
        if (stretch.misled) return {search_.next(stretch.end + 1), stretch.problem};
        const std::size_t zeros = zeros_at(segment, stretch.end);
        if (zeros > zeros_of_a_batch) return {search_.next(stretch.end + zeros - zeros_of_a_batch), "zeros"};
        const auto end = end_of_batch(segment, stretch.end);
        if (end && (*end == segment.size() || search_.begins_at(*end) ||
                    zeros_at(segment, *end) > zeros_of_a_batch)) {
            return {end, stretch.problem};
        }
        return {search_.next(stretch.end + 1), stretch.problem};
    }

    Walk& walk_;
    const Bytes& file_;
    const std::function<bool()>& flush_;
    BatchSearch search_;
};

}  // namespace

LogRecordsSummary append_batches(std::string& out, const Bytes& file, const std::string& file_name,
                                 const LogRecordsOptions& options,
                                 const std::function<bool()>& flush) {
    Walk walk(out, file_name, options);
    SegmentWalk(walk, file, flush).run();
    return walk.summary();
}

}  // namespace kwire::tools
