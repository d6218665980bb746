// Writing two topics by a Producer.
#include <algorithm>

#include <kwire/net/producer.h>
#include <kwire/protocol/produce.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/record_reader.h>

#include "hostile_world.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;
using protocol::ProduceRequest;
using protocol::ProduceResponse;

constexpr int sane_steps = 4;
constexpr int trouble_steps = 28;
constexpr int healing_steps_max = 120;
constexpr auto delivery_timeout = 8s;

struct Sent {
    TopicPartition tp;
    std::string value;
    TimePoint when;
    int reports = 0;
    std::optional<Error> error;
};

class Producing {
 public:
    explicit Producing(HostileWorld& world) : world_(world) {
        world_.kafka.on<ProduceRequest>(
            [this](const ProduceRequest& request, const Exchange& exchange, std::int32_t broker) {
                exchange.reply(stored(request, broker));
            });
        ProducerConfig config;
        config.delivery_timeout = delivery_timeout;
        config.buffer_bytes_max = 1 << 20;
        producer_ = Producer::create(world_.cluster, config);
    }

    /// One message to each topic, half a second, and a look at what became of the earlier ones.
    void step() {
        send({"bad", 0});
        send({"good", 1});
        world_.step();
        for (const auto& sent : sent_) {
            if (sent->reports > 1) world_.object("a message was reported twice");
            if (sent->reports == 0 && world_.loop.now() - sent->when > delivery_timeout + 2s) {
                world_.object("silent: a message for " + sent->tp.topic + " had no report within 10 s");
            }
        }
    }

    /// Nothing that was sent since failed or is still on its way.
    bool all_stored(const std::string& topic, TimePoint since, Duration grace) const {
        return std::all_of(sent_.begin(), sent_.end(), [&](const auto& sent) {
            if (sent->tp.topic != topic || sent->when < since) return true;
            if (sent->reports == 0) return world_.loop.now() - sent->when <= grace;
            return !sent->error;
        });
    }

    /// What was said to be stored is.
    void compare() {
        for (const auto& sent : sent_) {
            const auto& log = logs_[sent->tp];
            const bool is_there = std::find(log.begin(), log.end(), sent->value) != log.end();
            if (sent->reports > 0 && !sent->error && !is_there) world_.object(sent->value + " was reported as stored");
        }
    }

    void close() {
        producer_.reset();
        world_.loop.advance(2s);
    }

 private:
    void send(const TopicPartition& tp) {
        auto sent = std::make_shared<Sent>();
        sent->tp = tp;
        sent->value = HostileWorld::value_of(tp, static_cast<std::int64_t>(sent_.size()));
        sent->when = world_.loop.now();
        sent_.push_back(sent);
        ProducerRecord record;
        record.topic = tp.topic;
        record.partition = tp.partition;
        record.value = sent->value;
        producer_->send(std::move(record), [this, sent](const DeliveryReport& report) {
            ++sent->reports;
            sent->error = report.error;
            if (report.error) world_.tell(*report.error);
        });
    }

    ProduceResponse stored(const ProduceRequest& request, std::int32_t broker) {
        ProduceResponse response;
        for (const auto& topic : request.topic_data) {
            auto& out = response.responses.emplace_back();
            out.name = topic.name;
            out.topic_id = topic.topic_id;
            const std::string name = topic.name.empty() ? world_.kafka.topic_of(topic.topic_id) : topic.name;
            for (const auto& data : topic.partition_data) {
                auto& one = out.partition_responses.emplace_back();
                one.index = data.index;
                if (name != "bad" && name != "good") {
                    one.error_code = ErrorCode::unknown_topic_id;
                } else if (data.index < 0 || data.index > 1 || world_.kafka.leader({name, data.index}) != broker) {
                    one.error_code = ErrorCode::not_leader_or_follower;
                } else {
                    store(*data.records, logs_[{name, data.index}]);
                }
            }
        }
        return response;
    }

    static void store(const Bytes& records, std::vector<std::string>& log) {
        RecordBatchCursor batches(records);
        RecordBatch batch;
        while (batches.next(batch)) {
            RecordReader reader;
            reader.open(batch, {});
            Record record;
            while (reader.next(record)) log.emplace_back(record.value().value_or(""));
        }
    }

    HostileWorld& world_;
    std::shared_ptr<Producer> producer_;
    std::vector<std::shared_ptr<Sent>> sent_;
    std::map<TopicPartition, std::vector<std::string>> logs_;
};

}  // namespace

void play_producing(HostileWorld& world) {
    Producing producing(world);
    const TimePoint began = world.loop.now();
    if (!world.played.from_the_start) {
        for (int i = 0; i < sane_steps; ++i) producing.step();
        if (!producing.all_stored("bad", began, 2s)) world.object("bad was not written before the trouble");
        world.kafka.move_leader({"bad", 0}, 1);
    }
    world.begin_trouble();
    for (int i = 0; i < trouble_steps; ++i) producing.step();
    const bool of_all = world.played.api == ApiKey::metadata && world.played.from_the_start;
    if (!of_all && !producing.all_stored("good", began, 3s)) world.object("good is not written during the trouble");
    world.end_trouble();
    TimePoint healed_since = world.loop.now();
    for (int i = 0; i < healing_steps_max; ++i) {
        producing.step();
        if (!producing.all_stored("bad", healed_since, 2s)) healed_since = world.loop.now();
        if (world.loop.now() - healed_since > 5s) break;
    }
    if (world.loop.now() - healed_since <= 5s) world.object("bad is not written again; last told: " + world.last_words());
    producing.compare();
    producing.close();
}

}  // namespace kwire::test
