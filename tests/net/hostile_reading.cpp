// Reading two topics by a Consumer.
#include <algorithm>

#include <kwire/net/consumer.h>

#include "hostile_world.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;

constexpr int sane_steps = 8;      // 4 s
constexpr int trouble_steps = 28;  // 14 s
constexpr int healing_steps_max = 240;

struct Partition {
    TopicPartition tp;
    std::int64_t position = 0;  // what is expected next
    TimePoint stands_since;     // it is not at the log's end since
    TimePoint moved_at;
};

struct Reading {
    explicit Reading(HostileWorld& its_world) : world(its_world) {
        for (const TopicPartition& tp : {TopicPartition{"bad", 0}, {"good", 0}, {"good", 1}}) {
            partitions.push_back({tp, 0, world.loop.now(), world.loop.now()});
        }
        FetchConfig config;
        config.buffer_bytes_max = 1 << 20;
        config.partition_fetch_bytes_max = 256 << 10;
        config.fetch_bytes_max = 1 << 20;
        consumer = Consumer::create(world.cluster, config, {[this](const Error& error) { world.tell(error); }});
    }

    HostileWorld& world;
    std::shared_ptr<Consumer> consumer;
    std::vector<Partition> partitions;
    bool over = false;
    bool terminal = false;
};

// Offsets that the answers themselves name are theirs to choose: where a lie cannot be known it is no fault to believe it.
bool may_place_the_reader(const Case& played) {
    const auto& mutation = played.trouble.mutation;
    if (!mutation) return false;
    if (played.api == ApiKey::list_offsets || played.api == ApiKey::offset_for_leader_epoch) {
        return mutation->path.back().find("offset") != std::string::npos;
    }
    return mutation->kind == Mutation::Kind::patch && mutation->at == 0;
}

void note(Reading& reading, const Message& message) {
    const TopicPartition tp{message.topic(), message.partition()};
    const auto found = std::find_if(reading.partitions.begin(), reading.partitions.end(),
                                    [&](const Partition& partition) { return partition.tp == tp; });
    HostileWorld& world = reading.world;
    if (message.value() != HostileWorld::value_of(tp, message.offset()) && !may_place_the_reader(world.played)) {
        world.object("as " + HostileWorld::value_of(tp, message.offset()) + " was handed out " +
                     std::string(message.value().value_or("null")));
    }
    if (message.offset() > found->position && !world.was_told(found->moved_at, tp.topic) &&
        !may_place_the_reader(world.played)) {
        world.object(tp.to_string() + " was read on from " + std::to_string(message.offset()) + " instead of " +
                     std::to_string(found->position) + ", and nothing was told");
    }
    found->position = message.offset() + 1;
    found->moved_at = world.loop.now();
}

Task<void> read(std::shared_ptr<Reading> reading) {
    while (!reading->over) {
        MessageBatch batch = co_await reading->consumer->async_poll(500ms);
        if (batch.empty()) continue;
        while (const Message* message = batch.next()) note(*reading, *message);
    }
}

// As a group does: a partition that cannot be begun is tried again.
Task<void> assign(std::shared_ptr<Reading> reading, TopicPartition tp) {
    Timer timer(*reading->world.loop.runtime());
    while (!reading->over) {
        std::optional<Error> failure;
        try {
            co_await reading->consumer->async_assign(tp, StartOffset::oldest(), {});
        } catch (const Error& error) {
            failure = error;
        }
        if (!failure) co_return;
        reading->world.tell(*failure);
        co_await timer.wait_for(1s);
    }
}

// Within a fetch session an answer that leaves a partition out says that it has nothing new (KIP-227).
bool may_say_nothing_new(const Case& played) {
    const auto& mutation = played.trouble.mutation;
    if (!mutation || played.api != ApiKey::fetch || played.version < 7) return false;
    const std::string& field = mutation->path.back();
    return field == "responses" || field == "partitions";
}

// Whoever gets nothing is told within `patience`, and told why.
void look(Reading& reading) {
    HostileWorld& world = reading.world;
    for (Partition& partition : reading.partitions) {
        const bool at_end = partition.position >= world.logs.of(partition.tp).end;
        if (at_end || partition.moved_at > partition.stands_since) partition.stands_since = world.loop.now();
        if (world.loop.now() - partition.stands_since <= HostileWorld::patience) continue;
        // Seen once a step: what stopped it was told in the step before.
        if (!world.was_told(partition.stands_since - 2 * HostileWorld::step_length, partition.tp.topic)) {
            if (may_say_nothing_new(world.played)) continue;
            world.object("silent: " + partition.tp.to_string() + " stood still for 10 s, and nothing was told");
        } else if (partition.tp.topic == "bad" && !world.named_the_refusal()) {
            world.object("the code is lost: " + world.last_words());
        }
    }
}

void step(Reading& reading) {
    for (const Partition& partition : reading.partitions) reading.world.write(partition.tp);
    reading.world.step();
    look(reading);
}

bool has_read_all(const Reading& reading, const std::string& topic, std::int64_t behind) {
    return std::all_of(reading.partitions.begin(), reading.partitions.end(), [&](const Partition& partition) {
        return partition.tp.topic != topic ||
               partition.position + behind >= reading.world.logs.of(partition.tp).end;
    });
}

bool is_read(const Reading& reading, const TopicPartition& tp, std::int64_t behind) {
    return std::any_of(reading.partitions.begin(), reading.partitions.end(), [&](const Partition& partition) {
        return partition.tp == tp && partition.position + behind >= reading.world.logs.of(tp).end;
    });
}

// The whole answer is worth nothing: whoever has not begun has nothing to begin with.
bool leaves_nothing(const Case& played) {
    if (!played.from_the_start || played.api != ApiKey::metadata) return false;
    return !played.trouble.mutation || played.trouble.mutation->path.front() != "topics" ||
           played.trouble.mutation->path.size() == 1 || played.trouble.mutation->kind == Mutation::Kind::megabyte;
}

void heal(Reading& reading) {
    HostileWorld& world = reading.world;
    world.end_trouble();
    for (int i = 0; i < healing_steps_max && !(has_read_all(reading, "bad", 4) && has_read_all(reading, "good", 4)); ++i) {
        step(reading);
    }
    if (!has_read_all(reading, "good", 4)) world.object("good is not read again");
    if (!has_read_all(reading, "bad", 4) && !world.said_it_is_over("bad")) {
        world.object("bad is not read again; last told: " + world.last_words());
    }
}

}  // namespace

void play_reading(HostileWorld& world) {
    const auto reading = std::make_shared<Reading>(world);
    if (world.played.from_the_start) world.begin_trouble();
    for (const Partition& partition : reading->partitions) {
        world.loop.start(assign(reading, partition.tp));
    }
    world.loop.start(read(reading));
    if (!world.played.from_the_start) {
        for (int i = 0; i < sane_steps; ++i) step(*reading);
        if (!has_read_all(*reading, "bad", 4)) world.object("bad was not read before the trouble");
        world.begin_trouble();
        world.kafka.move_leader({"bad", 0}, 1);  // a new epoch: all is asked anew
    }
    for (int i = 0; i < trouble_steps; ++i) step(*reading);
    if (!is_read(*reading, {"good", 1}, 6) && !leaves_nothing(world.played)) {
        world.object("good/1 is not read on during the trouble");
    }
    heal(*reading);
    reading->over = true;
    reading->consumer->close();
    world.loop.advance(2s);
}

}  // namespace kwire::test
