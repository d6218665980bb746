#include <charconv>

#include <kwire/protocol/json_text.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/record_reader.h>
#include <kwire/protocol/records_json.h>

namespace kwire::protocol {
namespace {

class RecordsWriter {
 public:
    RecordsWriter(std::string& out, Secrets secrets) : out_(out), secrets_(secrets) {}

    void write(const Bytes& records) {
        RecordBatchCursor cursor(records);
        out_ += '[';
        first_ = true;
        for (RecordBatch batch; cursor.next(batch);) {
            next_element();
            write_batch(batch);
        }
        if (cursor.error()) {
            next_element();
            out_ += '{';
            error("", *cursor.error());
            out_ += '}';
        } else if (cursor.truncated_bytes() > 0) {
            next_element();
            number("{\"truncatedBytes\":", static_cast<std::int64_t>(cursor.truncated_bytes()));
            out_ += '}';
        }
        out_ += ']';
    }

 private:
    void next_element() {
        if (!first_) out_ += ',';
        first_ = false;
    }

    void number(std::string_view name, std::int64_t value) {
        char digits[24];
        out_ += name;
        const auto result = std::to_chars(digits, digits + sizeof digits, value);
        out_.append(digits, result.ptr);
    }

    void flag(std::string_view name, bool value) {
        out_.append(name).append(value ? "true" : "false");
    }

    void error(std::string_view before, const DecodeError& problem) {
        out_.append(before).append("\"error\":");
        append_json_string(out_, problem.message());
    }

    void write_batch(const RecordBatch& batch) {
        number("{\"baseOffset\":", batch.base_offset);
        number(",\"lastOffset\":", batch.last_offset);
        number(",\"sizeInBytes\":", static_cast<std::int64_t>(batch.size_bytes()));
        number(",\"magic\":", batch.magic);
        out_.append(",\"compression\":\"").append(to_string(batch.compression)).append("\"");
        out_.append(",\"timestampType\":\"").append(kafka_name(batch.timestamp_type)).append("\"");
        number(",\"maxTimestamp\":", batch.max_timestamp);
        number(",\"crc\":", batch.crc);
        if (batch.magic >= 2) {
            number(",\"baseTimestamp\":", batch.base_timestamp);
            number(",\"partitionLeaderEpoch\":", batch.partition_leader_epoch);
            number(",\"producerId\":", batch.producer_id);
            number(",\"producerEpoch\":", batch.producer_epoch);
            number(",\"baseSequence\":", batch.base_sequence);
            flag(",\"isTransactional\":", batch.is_transactional);
            flag(",\"isControl\":", batch.is_control);
        }
        out_ += ",\"records\":[";
        if (reader_.open(batch, {})) {
            const char* before = "";
            for (Record record; reader_.next(record); before = ",") {
                out_ += before;
                write_record(batch, record);
            }
        }
        out_ += ']';
        if (reader_.error()) error(",", *reader_.error());
        out_ += '}';
    }

    void nullable(std::optional<std::string_view> bytes) {
        if (bytes) {
            append_json_string_or_base64(out_, *bytes);
        } else {
            out_ += "null";
        }
    }

    void write_record(const RecordBatch& batch, const Record& record) {
        number("{\"offset\":", record.offset);
        number(",\"timestamp\":", record.timestamp);
        out_ += ",\"key\":";
        nullable(record.key());
        out_ += ",\"value\":";
        if (secrets_ == Secrets::hidden && is_secret_record(record.key(), record.value())) {
            out_ += hidden_json;
        } else {
            nullable(record.value());
        }
        if (batch.magic >= 2) {
            out_ += ",\"headers\":[";
            const char* before = "[";
            for (const RecordHeader& header : record.headers()) {
                out_ += before;
                before = ",[";
                append_json_string_or_base64(out_, header.key);
                out_ += ',';
                nullable(header.value);
                out_ += ']';
            }
            out_ += ']';
        }
        out_ += '}';
    }

    std::string& out_;
    Secrets secrets_;
    RecordReader reader_;
    bool first_ = true;
};

}  // namespace

std::string_view kafka_name(TimestampType type) {
    switch (type) {
        case TimestampType::create_time:
            return "CreateTime";
        case TimestampType::append_time:
            return "LogAppendTime";
        case TimestampType::none:
            break;
    }
    return "NoTimestampType";
}

void append_records_json(std::string& out, const Bytes& records, Secrets secrets) {
    RecordsWriter(out, secrets).write(records);
}

}  // namespace kwire::protocol
