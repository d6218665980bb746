// librdkafka as `kwire bench fetch` and `kwire bench latency` measure kwire: its quickest way (all partitions assigned,
// batch consume, CRC off), one line of JSON with the same names. Built by compare.sh only.
//
//     librdkafka fetch BROKERS TOPIC PARTITIONS MESSAGES THREADS [PROPERTY=VALUE...]
//     librdkafka latency BROKERS TOPIC PARTITIONS MESSAGES RATE [PROPERTY=VALUE...]
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <librdkafka/rdkafka.h>

namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
    std::string mode;
    std::string brokers;
    std::string topic;
    int partitions;
    std::int64_t messages;
    int threads_or_rate;
    std::vector<std::string> properties;
};

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "librdkafka: %s\n", why.c_str());
    std::exit(1);
}

rd_kafka_t* client(const Arguments& arguments, rd_kafka_type_t type) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char why[512] = {};
    const auto set = [&](const std::string& name, const std::string& value) {
        if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) die(why);
    };
    set("bootstrap.servers", arguments.brokers);
    set("check.crcs", "false");
    set("log_level", "3");
    if (type == RD_KAFKA_CONSUMER) {
        set("group.id", "compare");
        set("enable.auto.commit", "false");
    } else {
        set("linger.ms", "0");
    }
    for (const std::string& property : arguments.properties) {
        const auto equals = property.find('=');
        set(property.substr(0, equals), property.substr(equals + 1));
    }
    rd_kafka_t* made = rd_kafka_new(type, conf, why, sizeof why);
    if (made == nullptr) die(why);
    return made;
}

void assign(rd_kafka_t* consumer, const Arguments& arguments, std::int64_t from) {
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(arguments.partitions);
    for (int p = 0; p < arguments.partitions; ++p) {
        rd_kafka_topic_partition_list_add(list, arguments.topic.c_str(), p)->offset = from;
    }
    if (const auto error = rd_kafka_assign(consumer, list)) die(rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
}

double cpu_seconds(rusage& usage) {
    getrusage(RUSAGE_SELF, &usage);
    const auto span = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return span(usage.ru_utime) + span(usage.ru_stime);
}

/// Calls use for each message until it, or another thread's, answers false.
template <class Use>
void consume(rd_kafka_queue_t* queue, Use use) {
    std::vector<rd_kafka_message_t*> batch(10'000);
    for (bool more = true; more;) {
        const ssize_t count = rd_kafka_consume_batch_queue(queue, 100, batch.data(), batch.size());
        if (count < 0) die(rd_kafka_err2str(rd_kafka_last_error()));
        more = use(batch.data(), static_cast<std::size_t>(count));
        for (ssize_t i = 0; i < count; ++i) rd_kafka_message_destroy(batch[static_cast<std::size_t>(i)]);
    }
}

/// Not inlined, as a program's own function would not be.
__attribute__((noinline)) void look_at(const rd_kafka_message_t& message, std::int64_t& bytes) {
    bytes += static_cast<std::int64_t>(message.len + message.key_len);
}

int fetch(const Arguments& arguments) {
    const auto begun = Clock::now();
    rd_kafka_t* consumer = client(arguments, RD_KAFKA_CONSUMER);
    rd_kafka_poll_set_consumer(consumer);
    assign(consumer, arguments, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
    std::atomic<std::int64_t> messages{0};
    std::atomic<std::int64_t> bytes{0};
    std::atomic<bool> any{false};
    Clock::time_point first;
    rusage usage{};
    double cpu_before = 0;
    const auto read = [&] {
        consume(queue, [&](rd_kafka_message_t** batch, std::size_t count) {
            if (count > 0 && !any.exchange(true)) {
                first = Clock::now();
                rusage ignored{};
                cpu_before = cpu_seconds(ignored);
            }
            std::int64_t good = 0;
            std::int64_t size = 0;
            for (std::size_t i = 0; i < count; ++i) {
                if (batch[i]->err != 0) continue;
                look_at(*batch[i], size);
                ++good;
            }
            bytes += size;
            return (messages += good) < arguments.messages;
        });
    };
    std::vector<std::thread> others;
    for (int i = 1; i < arguments.threads_or_rate; ++i) others.emplace_back(read);
    read();
    for (std::thread& thread : others) thread.join();
    const double seconds = std::chrono::duration<double>(Clock::now() - first).count();
    const double cpu = cpu_seconds(usage) - cpu_before;
    const auto count = static_cast<double>(messages.load());
    std::printf("{\"messages\":%ld,\"bytes\":%ld,\"seconds\":%.6f,\"messages_per_second\":%.0f,\"cpu_seconds\":%.6f,"
                "\"cpu_ns_per_message\":%.2f,\"peak_rss_bytes\":%ld,\"join_seconds\":%.6f,\"version\":\"%s\"}\n",
                messages.load(), bytes.load(), seconds, count / seconds, cpu, cpu * 1e9 / count,
                usage.ru_maxrss * 1024L, std::chrono::duration<double>(first - begun).count(),
                rd_kafka_version_str());
    std::fflush(stdout);
    std::_Exit(0);  // closing takes its time and is not what is measured
}

void send_steadily(rd_kafka_t* producer, const Arguments& arguments, std::int64_t count) {
    const auto begun = Clock::now();
    std::string value(91, ' ');
    for (std::int64_t i = 0; i < count; ++i) {
        std::this_thread::sleep_until(begun + i * std::chrono::nanoseconds(1'000'000'000) / arguments.threads_or_rate);
        const std::int64_t now = Clock::now().time_since_epoch().count();
        std::memcpy(value.data(), &now, sizeof now);
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(arguments.topic.c_str()),
                          RD_KAFKA_V_VALUE(value.data(), value.size()),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        rd_kafka_poll(producer, 0);
    }
    rd_kafka_flush(producer, 10'000);
}

int latency(const Arguments& arguments) {
    rd_kafka_t* consumer = client(arguments, RD_KAFKA_CONSUMER);
    rd_kafka_poll_set_consumer(consumer);
    assign(consumer, arguments, RD_KAFKA_OFFSET_END);
    rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
    rd_kafka_consume_queue(queue, 2000);  // until it stands at the end: nothing comes
    rd_kafka_t* producer = client(arguments, RD_KAFKA_PRODUCER);
    const std::int64_t settling = arguments.threads_or_rate;
    const std::int64_t all = settling + arguments.messages;
    std::thread sender([&] { send_steadily(producer, arguments, all); });
    std::vector<double> spans;
    rd_kafka_message_t* message = nullptr;
    const auto until = Clock::now() + std::chrono::seconds(30 + all / arguments.threads_or_rate);
    while (static_cast<std::int64_t>(spans.size()) < all && Clock::now() < until) {
        message = rd_kafka_consumer_poll(consumer, 100);
        if (message == nullptr) continue;
        if (message->err == 0 && message->len >= sizeof(std::int64_t)) {
            std::int64_t sent = 0;
            std::memcpy(&sent, message->payload, sizeof sent);
            spans.push_back(static_cast<double>(Clock::now().time_since_epoch().count() - sent) * 1e-6);
        }
        rd_kafka_message_destroy(message);
    }
    sender.join();
    if (static_cast<std::int64_t>(spans.size()) < all) die("what was written did not come back");
    spans.erase(spans.begin(), spans.begin() + settling);
    std::sort(spans.begin(), spans.end());
    const auto at = [&](double share) { return spans[static_cast<std::size_t>(share * static_cast<double>(spans.size()))]; };
    std::printf("{\"messages\":%ld,\"latency_p50_ms\":%.4f,\"latency_p90_ms\":%.4f,\"latency_p99_ms\":%.4f,"
                "\"latency_max_ms\":%.4f,\"version\":\"%s\"}\n",
                arguments.messages, at(0.5), at(0.9), at(0.99), spans.back(), rd_kafka_version_str());
    std::fflush(stdout);
    std::_Exit(0);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 7) die("wrong arguments; see the top of librdkafka.cpp");
    Arguments arguments{argv[1], argv[2], argv[3], std::atoi(argv[4]), std::atol(argv[5]), std::atoi(argv[6]), {}};
    for (int i = 7; i < argc; ++i) arguments.properties.emplace_back(argv[i]);
    return arguments.mode == "latency" ? latency(arguments) : fetch(arguments);
}
