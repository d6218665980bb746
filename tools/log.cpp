// kwire log: the files of a partition, as they lie on a broker's disk.
#include <cerrno>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kwire/net/error.h>
#include <kwire/protocol/segment_files.h>

#include "exchange_printer.h"
#include "log_internal.h"
#include "log_records.h"
#include "message_text.h"
#include "numbers.h"
#include "output.h"
#include "report.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

constexpr std::size_t output_bytes = 1 << 16;

struct LogOptions {
    std::vector<std::string> files;
    std::string format = "text";
    std::string as;  ///< The topic's name, if the folder does not tell it; `plain`: no known one.
    bool records = false;
    bool show_secrets = false;
};

/// The whole file, mapped for as long as somebody holds it.
Bytes map_file(const std::string& name) {
    const auto fail = [&name](const char* what) {
        const std::string why = std::strerror(errno);
        throw Error(errc::invalid_config, what + (" `" + name + "`: ") + why);
    };
    const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail("cannot open");
    struct stat status {};
    const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    const auto size = static_cast<std::size_t>(status.st_size);
    void* address = nullptr;
    if (regular && size > 0) {
        address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (address == MAP_FAILED) fail("cannot read");
    }
    ::close(descriptor);
    if (!regular) throw Error(errc::invalid_config, "`" + name + "` is not a file");
    if (size == 0) return {};
    const std::shared_ptr<const void> owner(
        address, [size](const void* at) { ::munmap(const_cast<void*>(at), size); });
    return {owner, {static_cast<const char*>(address), size}};
}

std::string last_part(const std::string& path) {
    return path.substr(path.find_last_of('/') + 1);
}

class LogCommand {
 public:
    explicit LogCommand(const LogOptions& options) : options_(options) {}

    int run() {
        for (const std::string& file : options_.files) check_name(file);
        for (const std::string& file : options_.files) {
            if (output_.failure()) break;
            try {
                show(file);
            } catch (const Error& error) {
                report(error.what());
                sound_ = false;
            }
        }
        const int code = finish(output_);
        return sound_ ? code : exit_failure;
    }

 private:
    bool json() const { return options_.format == "json"; }
    bool flush() {
        if (output_.buffer().size() < output_bytes) return true;
        return output_.flush();
    }

    static void check_name(const std::string& file) {
        if (segment_file_of(last_part(file))) return;
        throw UsageError("`" + file +
                         "` is none of .log, .index, .timeindex, .txnindex, .snapshot and "
                         ".checkpoint");
    }

    void show(const std::string& file) {
        const auto kind = segment_file_of(last_part(file));
        const Bytes bytes = map_file(file);
        const auto base = base_offset_of(last_part(file)).value_or(0);
        if (!json() && options_.files.size() > 1) output_.line(printable(file) + ":");
        switch (*kind) {
            case SegmentFile::records:
                return show_records(file, bytes);
            case SegmentFile::offset_index:
                return show_entries(file, read_offset_index(bytes.view(), base));
            case SegmentFile::time_index:
                return show_entries(file, read_time_index(bytes.view(), base));
            case SegmentFile::transaction_index:
                return show_entries(file, read_transaction_index(bytes.view()));
            case SegmentFile::producer_snapshot:
                return show_entries(file, read_producer_snapshot(bytes.view()));
        }
    }

    void show_records(const std::string& file, const Bytes& bytes) {
        LogRecordsOptions options;
        options.json = json();
        const auto log = options_.as == "plain" ? std::nullopt
                         : options_.as.empty()  ? internal_log_of_path(file)
                                                : protocol::internal_log(options_.as);
        options.records = options_.records || log.has_value();
        options.secrets = options_.show_secrets ? protocol::Secrets::shown : protocol::Secrets::hidden;
        options.show = show_internal(log, options.secrets);
        const auto summary =
            append_batches(output_.buffer(), bytes, file, options, [this] { return flush(); });
        std::string text = printable(file) + ": " + show_count(summary.records) + " records in " +
                           show_count(summary.batches) + " batches";
        if (summary.batches > 0) {
            text += ", offsets " + std::to_string(summary.first_offset) + " to " +
                    std::to_string(summary.next_offset - 1);
        }
        if (summary.unused_bytes > 0) text += ", " + show_bytes(summary.unused_bytes) + " unused";
        if (summary.damaged > 0) {
            text += "; " + show_count(summary.damaged) + " batches are DAMAGED";
        }
        if (summary.backwards > 0) {
            text += "; in " + show_count(summary.backwards) + " batches OFFSETS GO BACK";
        }
        if (summary.skips > 0) {
            text += "; SKIPPED ";
            if (summary.skips > 1) {
                text += show_count(summary.skipped_bytes) + " bytes in " + show_count(summary.skips) +
                        " places, the first ";
            }
            text += summary.skipped;
        }
        if (!summary.broken.empty()) {
            text += "; BROKEN, nothing can be read from here on: " + summary.broken;
        }
        if (summary.cut_off_bytes > 0) {
            text += "; the last " + show_bytes(summary.cut_off_bytes) +
                    " are the beginning of a batch that was not written whole";
        }
        report(text);
        sound_ = sound_ && summary.is_sound();
    }

    template <class Entry>
    void show_entries(const std::string& file, const SegmentEntries<Entry>& read) {
        for (const Entry& entry : read.entries) {
            std::string& out = output_.buffer();
            if (json()) {
                out += "{\"file\":";
                append_json_string(out, file);
            }
            show_entry(entry);
            out += json() ? "}\n" : "\n";
            if (!flush()) return;
        }
        std::string text = printable(file) + ": " + show_count(read.entries.size()) + " entries";
        if (read.unused_bytes > 0) text += ", " + show_bytes(read.unused_bytes) + " unused";
        if (read.error) {
            text += "; BROKEN: " + read.error->message();
            sound_ = false;
        }
        report(text);
    }

    /// `,"name":value` in JSON, `name value` in text.
    void field(const char* name, std::int64_t value) {
        std::string& out = output_.buffer();
        if (json()) {
            out.append(",\"").append(name).append("\":");
        } else {
            if (!out.empty() && out.back() != '\n') out += "  ";
            for (const char* c = name; *c != 0; ++c) out += *c == '_' ? ' ' : *c;
            out += ' ';
        }
        out += std::to_string(value);
    }
    void time_field(const char* name, std::int64_t value) {
        field(name, value);
        if (!json()) output_.buffer() += " (" + show_timestamp(value) + ")";
    }

    void show_entry(const OffsetIndexEntry& entry) {
        field("offset", entry.offset);
        field("position", entry.position);
    }
    void show_entry(const TimeIndexEntry& entry) {
        time_field("timestamp", entry.timestamp);
        field("offset", entry.offset);
    }
    void show_entry(const TransactionIndexEntry& entry) {
        field("producer_id", entry.producer_id);
        field("first_offset", entry.first_offset);
        field("last_offset", entry.last_offset);
        field("last_stable_offset", entry.last_stable_offset);
    }
    void show_entry(const ProducerSnapshotEntry& entry) {
        field("producer_id", entry.producer_id);
        field("epoch", entry.epoch);
        field("last_sequence", entry.last_sequence);
        field("last_offset", entry.last_offset);
        field("offset_delta", entry.offset_delta);
        time_field("timestamp", entry.timestamp);
        field("coordinator_epoch", entry.coordinator_epoch);
        field("current_txn_first_offset", entry.current_txn_first_offset);
    }

    const LogOptions& options_;
    Output output_{1};
    bool sound_ = true;
};

}  // namespace

void add_log(Command root) {
    const auto options = std::make_shared<LogOptions>();
    Command command =
        root.subcommand("log", "The segment files of a partition: batches, records, indexes");
    command
        .argument("FILE", options->files,
                  ".log, .index, .timeindex, .txnindex, .snapshot, .checkpoint")
        .required();
    command.option("--format", options->format, "FORMAT", "text (default) or json, a line each")
        .one_of({"text", "json"});
    command.flag("--records", options->records,
                 "show the records in the batches; those of Kafka's own topics always are");
    add_show_secrets(command, options->show_secrets);
    command
        .option("--as", options->as, "TOPIC",
                "read records as this topic's, whatever the folder is called")
        .one_of({"__consumer_offsets", "__transaction_state", "__share_group_state",
                 "__cluster_metadata", "plain"});
    command.notes("Examples",
                  {"kwire log /var/lib/kafka/clicks-0/00000000000000000000.log",
                   "kwire log --records --format json clicks-0/*.log | jq .records[].value",
                   "kwire log __consumer_offsets-12/00000000000000000000.log",
                   "kwire log --as __cluster_metadata copy.log",
                   "kwire log clicks-0/*.index clicks-0/*.timeindex clicks-0/*.snapshot"});
    command.notes("Exit code",
                  {"1 if a file cannot be read, a batch is damaged, offsets go back, bytes between batches had",
                   "to be skipped or the end is missing; the rest is shown"});
    command.runs([options] { return LogCommand(*options).run(); });
}

}  // namespace kwire::tools
