// kwire produce: every line of stdin becomes a message.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
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
    void sent() {
        const std::lock_guard lock(mutex_);
        if (waiting_++ == 0) last_progress_ = Clock::now();
    }
    /// How long lines have been waiting without any being acknowledged.
    Clock::duration stalled_for() const {
        const std::lock_guard lock(mutex_);
        return waiting_ > 0 ? Clock::now() - last_progress_ : Clock::duration::zero();
    }
    void add(std::uint64_t line, const DeliveryReport& delivery) {
        const std::lock_guard lock(mutex_);
        --waiting_;
        last_progress_ = Clock::now();
        if (!delivery.error) {
            ++delivered_;
            return;
        }
        ++failed_;
        if (delivery.error->condition() == errc::closed) {
            ++unfinished_;
            return;  // summed up at the end
        }
        // A message that is too large says nothing about the next one; anything else very likely
        // does.
        if (delivery.error->condition() != errc::message_too_large) hopeless_ = true;
        constexpr std::uint64_t reported_max = 10;
        if (failed_ - unfinished_ <= reported_max) {
            report("line " + std::to_string(line) + " was not accepted: " + delivery.error->what());
        } else if (failed_ - unfinished_ == reported_max + 1) {
            report("more lines were not accepted");
        }
    }
    /// Not acknowledged when the producer was closed.
    std::uint64_t unfinished() const {
        const std::lock_guard lock(mutex_);
        return unfinished_;
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
    std::uint64_t unfinished_ = 0;
    std::uint64_t waiting_ = 0;
    Clock::time_point last_progress_{};
    bool hopeless_ = false;
};

/// Reports what keeps lines from being acknowledged, each reason once, from a thread of its own: the others may be waiting
/// for stdin, or for room.
class TroubleWatch {
 public:
    TroubleWatch(std::shared_ptr<Producer> producer, std::shared_ptr<Deliveries> deliveries)
        : producer_(std::move(producer)), deliveries_(std::move(deliveries)), thread_([this] { run(); }) {}
    ~TroubleWatch() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        ended_.notify_all();
        thread_.join();
    }
    TroubleWatch(const TroubleWatch&) = delete;
    TroubleWatch& operator=(const TroubleWatch&) = delete;

 private:
    void run() {
        std::unique_lock lock(mutex_);
        while (!ended_.wait_for(lock, std::chrono::milliseconds(500), [this] { return over_; })) {
            constexpr std::chrono::seconds patience{3};
            if (deliveries_->stalled_for() >= patience) look();
        }
    }
    void look() {
        std::vector<Error> troubles;
        try {
            troubles = producer_->troubles();
        } catch (const std::exception&) {
            return;  // it is being closed
        }
        for (const Error& trouble : troubles) tell(trouble.what());
        if (troubles.empty()) tell("the brokers have acknowledged nothing for 3 s");
    }
    void tell(const std::string& reason) {
        constexpr std::size_t reasons_max = 100;
        if (told_.size() >= reasons_max || !told_.insert(reason).second) return;
        report(reason + "; trying again");
    }

    const std::shared_ptr<Producer> producer_;
    const std::shared_ptr<Deliveries> deliveries_;
    std::set<std::string> told_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool over_ = false;
    std::thread thread_;
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

/// False: interrupted before there was room for it.
bool send(Producer& producer, ProducerRecord& record, Producer::Report& report) {
    constexpr std::chrono::milliseconds longest_wait{100};  // how long an interrupt may go unseen
    while (!producer.send_within(longest_wait, record, report)) {
        if (interrupt_requested()) return false;
    }
    return true;
}

/// Sends line after line until stdin or all hope ends, or a signal comes; returns how many.
std::uint64_t send_all(Producer& producer, const ProduceOptions& options, LineReader& lines,
                       const std::shared_ptr<Deliveries>& deliveries) {
    const auto headers = parse_headers(options.headers);
    Progress progress(false);
    std::uint64_t number = 0;
    while (!deliveries->hopeless() && !interrupt_requested()) {
        const auto line = lines.next();
        if (!line || interrupt_requested()) break;
        ++number;
        ProducerRecord record;
        record.topic = options.topic;
        record.partition = options.partition;
        record.headers = headers;
        split(*line, options.key_delimiter, record);
        Producer::Report report_delivery = [deliveries, number](const DeliveryReport& delivery) {
            deliveries->add(number, delivery);
        };
        deliveries->sent();
        try {
            if (!send(producer, record, report_delivery)) {
                const Error interrupted(errc::closed, "interrupted before there was room in the producer's buffer");
                deliveries->add(number, {{options.topic, -1}, -1, interrupted});
            }
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
        throw UsageError("--partition must be 0 or more");
    }

    install_interrupts();
    const bool acknowledged = config.producer.acks != 0;
    const ProducerConfig producer_config = config.producer;
    Connections connections(std::move(config));
    const auto begun = Clock::now();
    const auto producer = Producer::create(connections.cluster(), producer_config);
    const auto deliveries = std::make_shared<Deliveries>();
    auto watch = std::make_unique<TroubleWatch>(producer, deliveries);
    receive_interrupts();  // here, and not in the thread that watches
    LineReader lines(0);
    const std::uint64_t sent = send_all(*producer, options, lines, deliveries);
    // However long it takes, unless somebody asks for the end.
    while (!interrupt_requested() && !producer->flush_within(std::chrono::milliseconds(100))) continue;
    watch.reset();
    constexpr std::chrono::seconds last_patience{5};
    producer->close_within(last_patience);

    const auto took = Clock::now() - begun;
    report(
        show_count(sent) + (sent == 1 ? " line, " : " lines, ") +
        show_count(deliveries->delivered()) +
        (acknowledged ? " acknowledged" : " sent; with acks=0 it is not known whether they arrived") +
        (deliveries->failed() > 0 ? ", " + show_count(deliveries->failed()) + " FAILED" : "") +
        " in " + show_duration(took));
    if (deliveries->unfinished() > 0) {
        report("interrupted: " + show_count(deliveries->unfinished()) + " of the lines were not acknowledged; " +
               "they may be stored or not");
    }
    if (lines.failure()) {
        report("stdin cannot be read: " + lines.failure().message());
        return exit_failure;
    }
    const bool all = deliveries->failed() == 0 && deliveries->delivered() == sent;
    return all ? exit_ok : exit_failure;
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
    command.option("--acks", options->acks, "all|1|0", "which replicas have to store a message before it counts (default: all)")
        .one_of({"all", "-1", "1", "0"});
    add_properties(command, options->connection);
    command.notes("How it ends",
                  {"At the end of stdin, once every line is acknowledged or has failed (delivery.timeout.ms). On SIGINT",
                   "or SIGTERM it reads no more, gives what is queued 5 s, and reports what was not acknowledged; if",
                   "anything was not, the exit code is 1. A second signal ends it at once. A topic that does not exist is created if",
                   "the brokers allow that; -X allow.auto.create.topics=false turns it off."});
    command.notes("Examples",
                  {"echo hello | kwire produce --bootstrap localhost:9092 --topic greetings",
                   "kwire produce -b localhost -t page-views -K : --compression zstd < views.txt"});
    command.runs([options] { return produce(*options); });
}

}  // namespace kwire::tools
