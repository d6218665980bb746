// kwire produce: every line of stdin becomes a message.
#include <memory>
#include <mutex>
#include <vector>

#include <kwire/net/error.h>
#include <kwire/net/producer.h>

#include "connection.h"
#include "duration.h"
#include "interrupt.h"
#include "line_reader.h"
#include "numbers.h"
#include "report.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr PropertyScopes scopes = PropertyScope::cluster | PropertyScope::producer;

struct ProduceOptions {
    ConnectionOptions connection;
    std::string topic;
    std::optional<std::int32_t> partition;
    std::string key_delimiter;
    std::string compression;
    std::string acks;
    std::vector<std::string> headers;
};

/// What became of the lines. Reports arrive on the runtime's thread, in any order.
class Deliveries {
 public:
    void add(std::uint64_t line, const DeliveryReport& delivery) {
        const std::lock_guard lock(mutex_);
        if (!delivery.error) {
            ++delivered_;
            return;
        }
        ++failed_;
        // A message that is too large says nothing about the next one; anything else very likely
        // does.
        if (delivery.error->condition() != errc::message_too_large) hopeless_ = true;
        constexpr std::uint64_t told_max = 10;
        if (failed_ <= told_max) {
            report("line " + std::to_string(line) + " was not accepted: " + delivery.error->what());
        } else if (failed_ == told_max + 1) {
            report("more lines were not accepted");
        }
    }
    std::uint64_t delivered() const {
        const std::lock_guard lock(mutex_);
        return delivered_;
    }
    std::uint64_t failed() const {
        const std::lock_guard lock(mutex_);
        return failed_;
    }
    bool hopeless() const {
        const std::lock_guard lock(mutex_);
        return hopeless_;
    }

 private:
    mutable std::mutex mutex_;
    std::uint64_t delivered_ = 0;
    std::uint64_t failed_ = 0;
    bool hopeless_ = false;
};

std::vector<std::pair<std::string, std::optional<std::string>>> parse_headers(
    const std::vector<std::string>& texts) {
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
    for (const std::string& text : texts) {
        const auto equals = text.find('=');
        if (equals == std::string::npos) {
            headers.emplace_back(text, std::nullopt);
        } else {
            headers.emplace_back(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return headers;
}

/// Puts the line's key and value into record. A line without the delimiter has no key.
void split(std::string_view line, const std::string& delimiter, ProducerRecord& record) {
    const auto at = delimiter.empty() ? std::string_view::npos : line.find(delimiter);
    if (at != std::string_view::npos) {
        record.key = std::string(line.substr(0, at));
        line.remove_prefix(at + delimiter.size());
    }
    record.value = std::string(line);
}

/// Sends line after line; answers how many.
std::uint64_t send_all(Producer& producer, const ProduceOptions& options, LineReader& lines,
                       const std::shared_ptr<Deliveries>& deliveries) {
    const auto headers = parse_headers(options.headers);
    Progress progress(false);
    std::uint64_t number = 0;
    while (!deliveries->hopeless()) {
        const auto line = lines.next();
        if (!line) break;
        ++number;
        ProducerRecord record;
        record.topic = options.topic;
        record.partition = options.partition;
        record.headers = headers;
        split(*line, options.key_delimiter, record);
        try {
            producer.send(std::move(record), [deliveries, number](const DeliveryReport& delivery) {
                deliveries->add(number, delivery);
            });
        } catch (const Error& error) {
            deliveries->add(number, DeliveryReport{{options.topic, -1}, -1, error});
        }
        if (number % 256 == 0) {
            progress.update([&] {
                return show_count(number) + " lines, " + show_count(deliveries->delivered()) +
                       " acknowledged";
            });
        }
    }
    return number;
}

int produce(const ProduceOptions& options) {
    ClientConfig config = client_config(options.connection, scopes);
    const auto set = [&config](std::string_view name, const std::string& value) {
        if (!value.empty()) set_property(config, PropertyScope::producer, name, value);
    };
    set("compression.type", options.compression);
    set("acks", options.acks);
    if (config.group.bootstrap.empty()) throw UsageError("--bootstrap is required");
    if (options.partition && *options.partition < 0) {
        throw UsageError("--partition is to be 0 or more");
    }

    install_interrupts();
    const bool acknowledged = config.producer.acks != 0;
    const ProducerConfig producer_config = config.producer;
    Connections connections(std::move(config));
    const auto begun = Clock::now();
    const auto producer = Producer::create(connections.cluster(), producer_config);
    receive_interrupts();
    LineReader lines(0);
    const auto deliveries = std::make_shared<Deliveries>();
    const std::uint64_t sent = send_all(*producer, options, lines, deliveries);
    producer->flush();
    producer->close();

    const auto took = Clock::now() - begun;
    report(
        show_count(sent) + (sent == 1 ? " line, " : " lines, ") +
        show_count(deliveries->delivered()) +
        (acknowledged ? " acknowledged" : " sent, with acks=0 nobody says whether they arrived") +
        (deliveries->failed() > 0 ? ", " + show_count(deliveries->failed()) + " FAILED" : "") +
        " in " + show_duration(took));
    if (lines.failure()) {
        report("stdin cannot be read: " + lines.failure().message());
        return exit_failure;
    }
    return deliveries->failed() == 0 && deliveries->delivered() == sent ? exit_ok : exit_failure;
}

}  // namespace

void add_produce(Command root) {
    const auto options = std::make_shared<ProduceOptions>();
    Command command = root.subcommand("produce", "Write the lines of stdin to a topic");
    add_bootstrap(command, options->connection, "brokers to begin with");
    command.option("-t,--topic", options->topic, "TOPIC", "where to write").required();
    command.option("-p,--partition", options->partition, "P",
                   "write to this partition; without it the key decides, as in Java (murmur2)");
    command.option("-K,--key-delimiter", options->key_delimiter, "TEXT",
                   "what stands between key and value; a line without it has no key");
    command.option("-H,--header", options->headers, "NAME[=VALUE]",
                   "a header of every message; may be given several times");
    command
        .option("--compression", options->compression, "CODEC",
                "none (default), gzip, snappy, lz4 or zstd")
        .one_of({"none", "gzip", "snappy", "lz4", "zstd"});
    command.option("--acks", options->acks, "all|1|0", "who has to have a message (default: all)")
        .one_of({"all", "-1", "1", "0"});
    add_properties(command, options->connection);
    command.notes("Examples",
                  {"echo hello | kwire produce --bootstrap localhost:9092 --topic greetings",
                   "kwire produce -b localhost -t page-views -K : --compression zstd < views.txt"});
    command.runs([options] { return produce(*options); });
}

}  // namespace kwire::tools
