#include "log_records.h"

#include <algorithm>
#include <optional>

#include <kwire/protocol/record_reader.h>
#include <kwire/protocol/records_json.h>

#include "message_text.h"
#include "numbers.h"

namespace kwire::tools {
namespace {

/// Walks one file; an object so that what is shown of a batch can be put together in parts.
class Walk {
 public:
    Walk(std::string& out, const std::string& file_name, const LogRecordsOptions& options)
        : out_(out), file_name_(file_name), options_(options) {}

    void batch(const RecordBatch& batch, std::size_t position) {
        records_.clear();
        const std::uint64_t count = read(batch);
        const auto& error = reader_.error();
        if (options_.json) {
            append_json_line(batch, position, count, error);
        } else {
            append_text_line(batch, position, count, error);
        }
        ++summary_.batches;
        summary_.records += count;
        if (error) ++summary_.damaged;
        if (summary_.first_offset < 0) summary_.first_offset = batch.base_offset;
        summary_.next_offset = batch.next_offset();
    }

    LogRecordsSummary& summary() { return summary_; }

 private:
    /// Reads all records, so that every CRC is checked, and shows them if that is asked for.
    std::uint64_t read(const RecordBatch& batch) {
        std::uint64_t count = 0;
        if (!reader_.open(batch, {})) return 0;
        for (Record record; reader_.next(record); ++count) {
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
        out_ += error ? "  DAMAGED: " + error->message() + '\n' : "\n";
        out_ += records_;
    }

    std::string& out_;
    const std::string& file_name_;
    const LogRecordsOptions& options_;
    RecordReader reader_;
    std::string records_;  // of the batch at hand
    LogRecordsSummary summary_;
};

}  // namespace

std::string show_timestamp(std::int64_t milliseconds) {
    if (milliseconds == -1) return "-";
    std::string shown;
    append_utc(shown, milliseconds, 1000);
    return shown;
}

LogRecordsSummary append_batches(std::string& out, const Bytes& file, const std::string& file_name,
                                 const LogRecordsOptions& options,
                                 const std::function<bool()>& flush) {
    Walk walk(out, file_name, options);
    RecordBatchCursor cursor(file);
    std::size_t position = 0;
    for (RecordBatch batch; cursor.next(batch);) {
        walk.batch(batch, position);
        position = cursor.position();
        if (!flush()) break;
    }
    LogRecordsSummary summary = walk.summary();
    const std::string_view rest = file.view().substr(std::min(position, file.size()));
    const bool all_zero = std::all_of(rest.begin(), rest.end(), [](char c) { return c == 0; });
    if (!rest.empty() && all_zero) {
        summary.unused_bytes = rest.size();
    } else if (cursor.error()) {
        summary.broken = cursor.error()->message();
    } else {
        summary.cut_off_bytes = cursor.truncated_bytes();
    }
    return summary;
}

}  // namespace kwire::tools
